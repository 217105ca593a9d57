using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Contrastive.Samples.AlignFeatures.Data;

/// <summary>
/// The header of a NumPy <c>.npy</c> file, formats 1.0, 2.0 and 3.0: the magic, the version, and a Python dictionary with
/// the dtype, the order and the shape (numpy/doc/neps/nep-0001-npy-format). Little-endian numbers only.
/// </summary>
internal sealed partial record NpyHeader(char Kind, int ItemSize, bool ColumnMajor, long[] Shape)
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The dtype as NumPy writes it, without the byte order.</summary>
    public string Dtype => $"{Kind}{ItemSize}";

    public string ShapeText => Shape.Length == 1 ? $"({Shape[0]},)" : $"({string.Join(", ", Shape)})";

    /// <summary>How many values the shape has, and how many bytes they take.</summary>
    public (long Count, long Bytes) Size(string path)
    {
        try
        {
            return checked((Shape.Aggregate(1L, (a, b) => checked(a * b)), Shape.Aggregate((long)ItemSize, (a, b) => checked(a * b))));
        }
        catch (OverflowException)
        {
            throw new UserError($"{path}: its shape {ShapeText} is too large");
        }
    }

    /// <summary>Reads the header and leaves <paramref name="stream"/> at the first value.</summary>
    public static NpyHeader Read(string path, Stream stream)
    {
        Span<byte> start = stackalloc byte[8];
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length)
            throw new UserError($"{path}: truncated: the file ends inside the .npy header");
        if (!start[..6].SequenceEqual(Magic))
            throw new UserError($"{path}: not a .npy file: it does not start with the NumPy magic");
        var (major, minor) = (start[6], start[7]);
        if (major is < 1 or > 3 || minor != 0)
            throw new UserError($"{path}: .npy format {major}.{minor} is not supported, only 1.0, 2.0 and 3.0");

        Span<byte> lengthBytes = stackalloc byte[major == 1 ? 2 : 4];
        if (stream.ReadAtLeast(lengthBytes, lengthBytes.Length, throwOnEndOfStream: false) < lengthBytes.Length)
            throw new UserError($"{path}: truncated: the file ends inside the .npy header");
        var length = major == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(lengthBytes) : BinaryPrimitives.ReadUInt32LittleEndian(lengthBytes);
        if (length > stream.Length - stream.Position)
            throw new UserError($"{path}: truncated: the file ends inside the .npy header");
        var text = new byte[length];
        stream.ReadExactly(text);
        return Parse(path, (major == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text));
    }

    private static NpyHeader Parse(string path, string text)
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

        return new NpyHeader(plain.Groups["kind"].Value[0], size, order.Groups["value"].Value == "True", sizes);
    }

    [GeneratedRegex(@"['""]descr['""]\s*:\s*(?:(?<quote>['""])(?<name>[^'""]*)\k<quote>|\[)")]
    private static partial Regex DtypeField();

    [GeneratedRegex(@"['""]fortran_order['""]\s*:\s*(?<value>True|False)")]
    private static partial Regex OrderField();

    [GeneratedRegex(@"['""]shape['""]\s*:\s*\((?<sizes>[^)]*)\)")]
    private static partial Regex ShapeField();

    [GeneratedRegex(@"^(?<order>[<>|])(?<kind>[a-zA-Z])(?<size>[0-9]{1,4})$")]
    private static partial Regex PlainDtype();
}
