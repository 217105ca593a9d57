using static System.Buffers.Binary.BinaryPrimitives;

namespace Contrastive.Samples.AlignFeatures.Data;

/// <summary>Features and labels from a <c>.npy</c> file.</summary>
internal static class NpyFile
{
    private delegate T ReadValue<T>(ReadOnlySpan<byte> bytes);

    public static FeatureMatrix ReadFeatures(string path, Stream stream)
    {
        var header = NpyHeader.Read(path, stream);
        ReadValue<double> value = header.Dtype switch
        {
            "f2" => b => (double)ReadHalfLittleEndian(b),
            "f4" => b => ReadSingleLittleEndian(b),
            "f8" => ReadDoubleLittleEndian,
            "i1" => b => (sbyte)b[0],
            "i2" => b => ReadInt16LittleEndian(b),
            "i4" => b => ReadInt32LittleEndian(b),
            "i8" => b => ReadInt64LittleEndian(b),
            "u1" => b => b[0],
            "u2" => b => ReadUInt16LittleEndian(b),
            "u4" => b => ReadUInt32LittleEndian(b),
            "u8" => b => ReadUInt64LittleEndian(b),
            var other => throw new UserError($"{path}: unsupported dtype '{other}': features are float16, 32 or 64, or integers"),
        };
        if (header.Shape.Length != 2)
            throw new UserError($"{path}: its shape is {header.ShapeText}, but features have two dimensions: items and features");
        var (rows, columns) = (header.Shape[0], header.Shape[1]);
        var count = Checked(path, header, stream);

        var values = new float[count];
        Read(stream, header.ItemSize, count, value, (i, number) =>
        {
            var (row, column) = header.ColumnMajor ? (i % rows, i / rows) : (i / columns, i % columns);
            var kept = (float)number;
            if (!float.IsFinite(kept))
                throw new UserError($"{path}: row {row + 1}, column {column + 1} is {Named(number)}");
            values[row * columns + column] = kept;
        });
        return new FeatureMatrix(path, (int)rows, (int)columns, values);
    }

    public static ClassLabels ReadLabels(string path, Stream stream)
    {
        var header = NpyHeader.Read(path, stream);
        ReadValue<long> value = header.Dtype switch
        {
            "i1" => b => (sbyte)b[0],
            "i2" => b => ReadInt16LittleEndian(b),
            "i4" => b => ReadInt32LittleEndian(b),
            "i8" => ReadInt64LittleEndian,
            "u1" => b => b[0],
            "u2" => b => ReadUInt16LittleEndian(b),
            "u4" => b => ReadUInt32LittleEndian(b),
            // Labels are only compared: the wrap above 2^63 keeps different ones different.
            "u8" => b => unchecked((long)ReadUInt64LittleEndian(b)),
            var other => throw new UserError($"{path}: unsupported dtype '{other}': labels are integers"),
        };
        if (header.Shape.Length != 1)
            throw new UserError($"{path}: its shape is {header.ShapeText}, but labels have one dimension");
        var values = new long[Checked(path, header, stream)];
        Read(stream, header.ItemSize, values.Length, value, (i, label) => values[i] = label);
        return LabelIds.Of(path, values, Comparer<long>.Default);
    }

    /// <summary>The number of values, after every check of the shape against what the file holds.</summary>
    private static int Checked(string path, NpyHeader header, Stream stream)
    {
        var (count, bytes) = header.Size(path);
        if (count == 0)
            throw new UserError($"{path}: has no data: its shape is {header.ShapeText}");
        var held = stream.Length - stream.Position;
        if (held < bytes)
            throw new UserError($"{path}: truncated: {bytes} bytes of data expected for the shape {header.ShapeText}, {held} found");
        if (held > bytes)
            throw new UserError($"{path}: {held - bytes} bytes too many after the data of the shape {header.ShapeText}");
        if (count > Array.MaxLength)
            throw new UserError($"{path}: its shape {header.ShapeText} is too large");
        return (int)count;
    }

    private static void Read<T>(Stream stream, int size, long count, ReadValue<T> value, Action<long, T> keep)
    {
        var buffer = new byte[size * 4096];
        for (var done = 0L; done < count;)
        {
            var now = (int)Math.Min(4096, count - done);
            stream.ReadExactly(buffer, 0, now * size);
            for (var i = 0; i < now; i++)
                keep(done + i, value(buffer.AsSpan(i * size, size)));
            done += now;
        }
    }

    private static string Named(double number)
        => double.IsNaN(number) ? "not a number (NaN)" : double.IsInfinity(number) ? "infinite" : "too large for a float32";
}
