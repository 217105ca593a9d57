using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>
/// Features and labels from a NumPy <c>.npy</c> file, formats 1.0, 2.0 and 3.0: the magic, the version, a Python dictionary with the
/// dtype, the order and the shape (numpy/doc/neps/nep-0001-npy-format), and the values. Little-endian numbers only.
/// </summary>
internal static partial class NpyFile
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    public static FeatureMatrix ReadFeatures(string path, Stream stream)
    {
        var (header, numbers) = Open<double>(
            path, stream, "fiu", "features are float16, 32 or 64, or integers", 2, "features have two dimensions: items and features");
        var (rows, columns) = (header.Shape[0], header.Shape[1]);
        var values = new float[header.Count];
        foreach (var (i, number) in numbers.Index())
        {
            var (row, column) = header.ColumnMajor ? (i % rows, i / rows) : (i / columns, i % columns);
            var kept = (float)number;
            if (!float.IsFinite(kept))
                throw new UserError($"{path}: row {row + 1}, column {column + 1} is {Named(number)}");
            values[row * columns + column] = kept;
        }

        return new FeatureMatrix(path, (int)rows, (int)columns, values);
    }

    /// <summary>Labels are only compared: the wrap of uint64 above 2^63 keeps different ones different.</summary>
    public static ClassLabels ReadLabels(string path, Stream stream)
        => ClassLabels.Of(path, [.. Open<long>(path, stream, "iu", "labels are integers", 1, "labels have one dimension").Values], Comparer<long>.Default);

    /// <summary>The header, and the values as they will be read, after every check but those of the values.</summary>
    private static (Header Header, IEnumerable<T> Values) Open<T>(
        string path, Stream stream, string kinds, string supported, int dimensions, string expected)
        where T : INumberBase<T>
    {
        var header = ReadHeader(path, stream);
        if (!kinds.Contains(header.Dtype[0], StringComparison.Ordinal) || Values<T>(header, stream) is not { } values)
            throw new UserError($"{path}: unsupported dtype '{header.Dtype}': {supported}");
        if (header.Shape.Length != dimensions)
            throw new UserError($"{path}: its shape is {header.ShapeText}, but {expected}");
        if (header.Count == 0)
            throw new UserError($"{path}: has no data: its shape is {header.ShapeText}");
        var held = stream.Length - stream.Position;
        if (held < header.Bytes)
            throw new UserError($"{path}: truncated: {header.Bytes} bytes of data expected for the shape {header.ShapeText}, {held} found");
        if (held > header.Bytes)
            throw new UserError($"{path}: {held - header.Bytes} bytes too many after the data of the shape {header.ShapeText}");
        return header.Count <= Array.MaxLength ? (header, values) : throw new UserError($"{path}: its shape {header.ShapeText} is too large");
    }

    /// <summary>Null where the dtype is no number of the usual sizes.</summary>
    private static IEnumerable<T>? Values<T>(Header header, Stream stream)
        where T : INumberBase<T>
        => header.Dtype switch
        {
            "f2" => Values<Half, T>(stream, header.Count),
            "f4" => Values<float, T>(stream, header.Count),
            "f8" => Values<double, T>(stream, header.Count),
            "i1" => Values<sbyte, T>(stream, header.Count),
            "i2" => Values<short, T>(stream, header.Count),
            "i4" => Values<int, T>(stream, header.Count),
            "i8" => Values<long, T>(stream, header.Count),
            "u1" => Values<byte, T>(stream, header.Count),
            "u2" => Values<ushort, T>(stream, header.Count),
            "u4" => Values<uint, T>(stream, header.Count),
            "u8" => Values<ulong, T>(stream, header.Count),
            _ => null,
        };

    // As they lie in the file: every machine that libtorch runs on is little-endian too.
    private static IEnumerable<TTo> Values<TFrom, TTo>(Stream stream, long count)
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : INumberBase<TTo>
    {
        var buffer = new TFrom[4096];
        for (var left = count; left > 0;)
        {
            var now = (int)Math.Min(buffer.Length, left);
            stream.ReadExactly(MemoryMarshal.AsBytes(buffer.AsSpan(0, now)));
            for (var i = 0; i < now; i++)
                yield return TTo.CreateTruncating(buffer[i]);
            left -= now;
        }
    }

    private static string Named(double number)
        => double.IsNaN(number) ? "not a number (NaN)" : double.IsInfinity(number) ? "infinite" : "too large for a float32";

    /// <summary>Reads the header and leaves <paramref name="stream"/> at the first value.</summary>
    private static Header ReadHeader(string path, Stream stream)
    {
        var start = Take(8);
        if (!start.AsSpan(0, 6).SequenceEqual(Magic))
            throw new UserError($"{path}: not a .npy file: it does not start with the NumPy magic");
        var (major, minor) = (start[6], start[7]);
        if (major is < 1 or > 3 || minor != 0)
            throw new UserError($"{path}: .npy format {major}.{minor} is not supported, only 1.0, 2.0 and 3.0");
        var length = major == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(Take(2)) : BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        return Header.Parse(path, (major == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(Take(length)));

        byte[] Take(long count)
        {
            if (count > stream.Length - stream.Position)
                throw new UserError($"{path}: truncated: the file ends inside the .npy header");
            var bytes = new byte[count];
            stream.ReadExactly(bytes);
            return bytes;
        }
    }

    /// <param name="Dtype">As NumPy writes it, without the byte order.</param>
    /// <param name="ColumnMajor">Column after column, and not row after row.</param>
    private sealed partial record Header(string Dtype, bool ColumnMajor, long[] Shape, long Count, long Bytes)
    {
        public string ShapeText => Text(Shape);

        public static Header Parse(string path, string text)
        {
            var order = OrderField().Match(text);
            var shape = ShapeField().Match(text);
            var dtype = DtypeField().Match(text);
            if (!order.Success || !shape.Success || !dtype.Success)
                throw new UserError($"{path}: damaged .npy header: {text.Trim()}");
            // A list in place of a name: the columns of a structured array.
            if (!dtype.Groups["name"].Success)
                throw new UserError($"{path}: unsupported dtype: a structured array");

            var name = dtype.Groups["name"].Value;
            var plain = PlainDtype().Match(name);
            if (!plain.Success)
                throw new UserError($"{path}: unsupported dtype '{name}'{(name == "|O" ? " (Python objects)" : "")}");
            var size = int.Parse(plain.Groups["size"].Value, CultureInfo.InvariantCulture);
            if (plain.Groups["order"].Value == ">" && size > 1)
                throw new UserError($"{path}: unsupported byte order: '{name}' is big-endian, only little-endian is read");

            var dimensions = shape.Groups["sizes"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            var sizes = new long[dimensions.Length];
            for (var d = 0; d < sizes.Length; d++)
            {
                if (!long.TryParse(dimensions[d], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[d]))
                    throw new UserError($"{path}: damaged .npy header: the shape is ({shape.Groups["sizes"].Value})");
            }

            try
            {
                var count = sizes.Aggregate(1L, (a, b) => checked(a * b));
                return new Header($"{plain.Groups["kind"].Value}{size}", order.Groups["value"].Value == "True", sizes, count, checked(count * size));
            }
            catch (OverflowException)
            {
                throw new UserError($"{path}: its shape {Text(sizes)} is too large");
            }
        }

        private static string Text(long[] shape) => shape.Length == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";

        [GeneratedRegex(@"['""]descr['""]\s*:\s*(?:(?<quote>['""])(?<name>[^'""]*)\k<quote>|\[)")]
        private static partial Regex DtypeField();

        [GeneratedRegex(@"['""]fortran_order['""]\s*:\s*(?<value>True|False)")]
        private static partial Regex OrderField();

        [GeneratedRegex(@"['""]shape['""]\s*:\s*\((?<sizes>[^)]*)\)")]
        private static partial Regex ShapeField();

        [GeneratedRegex(@"^(?<order>[<>|])(?<kind>[a-zA-Z])(?<size>[0-9]{1,4})$")]
        private static partial Regex PlainDtype();
    }
}
