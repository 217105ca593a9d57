using NumSharp;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>Features and labels from a NumPy <c>.npy</c> file of any format, byte order and order of rows and columns.</summary>
internal static class NpyFile
{
    public static FeatureMatrix ReadFeatures(string path, Stream stream)
    {
        var array = Read(path, stream, IsNumber, "features are float16, 32 or 64, or integers", 2, "features have two dimensions: items and features");
        var (rows, columns) = ((int)array.shape[0], (int)array.shape[1]);
        var values = Values<float>(array);
        return Array.FindIndex(values, value => !float.IsFinite(value)) is >= 0 and var at
            ? throw new UserError($"{path}: row {at / columns + 1}, column {at % columns + 1} is {Named(Values<double>(array)[at])}")
            : new FeatureMatrix(path, rows, columns, values);
    }

    /// <summary>Labels are only compared: the wrap of uint64 above 2^63 keeps different ones different.</summary>
    public static ClassLabels ReadLabels(string path, Stream stream)
        => ClassLabels.Of(path, Values<long>(Read(path, stream, type => type.IsInteger(), "labels are integers", 1, "labels have one dimension")), Comparer<long>.Default);

    private static NDArray Read(string path, Stream stream, Func<NPTypeCode, bool> takes, string supported, int dimensions, string expected)
    {
        var array = Load(path, stream);
        if (!takes(array.typecode))
            throw new UserError($"{path}: unsupported dtype {array.typecode}: {supported}");
        var shape = $"({string.Join(", ", array.shape)}{(array.ndim == 1 ? "," : "")})";
        if (array.ndim != dimensions)
            throw new UserError($"{path}: its shape is {shape}, but {expected}");
        if (array.size == 0)
            throw new UserError($"{path}: has no data: its shape is {shape}");
        if (array.size > Array.MaxLength)
            throw new UserError($"{path}: its shape {shape} is too large");
        return stream.Length == stream.Position
            ? array
            : throw new UserError($"{path}: {stream.Length - stream.Position} bytes too many after the data of the shape {shape}");
    }

    private static NDArray Load(string path, Stream stream)
    {
        try
        {
            return np.load_npy(stream);
        }
        catch (Exception problem) when (problem is FormatException or NotSupportedException or EndOfStreamException)
        {
            throw new UserError($"{path}: not a .npy file that can be read: {problem.Message}", problem);
        }
        catch (Exception problem) when (problem is OverflowException or OutOfMemoryException)
        {
            throw new UserError($"{path}: its shape is too large: {problem.Message}", problem);
        }
    }

    /// <summary>Row after row, whatever the order of the file.</summary>
    private static T[] Values<T>(NDArray array)
        where T : unmanaged
        => array.astype(typeof(T)).flatten().ToArray<T>();

    private static bool IsNumber(NPTypeCode type) => type.IsInteger() || type is NPTypeCode.Half or NPTypeCode.Single or NPTypeCode.Double;

    private static string Named(double number)
        => double.IsNaN(number) ? "not a number (NaN)" : double.IsInfinity(number) ? "infinite" : "too large for a float32";
}
