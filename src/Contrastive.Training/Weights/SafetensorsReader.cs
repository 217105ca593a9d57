using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// Reads the format from front to end. The header is checked whole against the length of the file, so nothing is allocated
/// that the file does not hold.
/// </summary>
internal sealed class SafetensorsReader
{
    public const string MetadataKey = "__metadata__";

    /// <summary>In bytes, as the reference implementation has it.</summary>
    public const int LongestHeader = 100_000_000;

    /// <summary>Torch's kernels take no more.</summary>
    private const int MostDimensions = 64;

    private readonly Stream _stream;
    private readonly IReadOnlyList<Placed> _inOrder;

    private SafetensorsReader(Stream stream, IReadOnlyList<Placed> inOrder, IReadOnlyDictionary<string, string> metadata)
    {
        _stream = stream;
        _inOrder = inOrder;
        Header = new WeightsHeader(inOrder.ToDictionary(placed => placed.Name, placed => placed.Entry), metadata);
    }

    private sealed record Placed(string Name, WeightsEntry Entry, long Start, long End);

    public WeightsHeader Header { get; }

    /// <summary>Reads the header.</summary>
    /// <param name="stream">At the beginning of the content; need not seek.</param>
    /// <param name="length">How many bytes the content has.</param>
    /// <exception cref="InvalidDataException">It is malformed; the message says how, but not in which file.</exception>
    public static SafetensorsReader Open(Stream stream, long length)
    {
        if (length < sizeof(ulong))
            throw new InvalidDataException($"it has {length} bytes, fewer than the 8 that give the length of the header");
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        stream.ReadExactly(prefix);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        var rest = length - sizeof(ulong);
        if (headerLength > LongestHeader)
            throw new InvalidDataException($"its header would have {headerLength} bytes, more than the {LongestHeader} that are allowed");
        if (headerLength > (ulong)rest)
            throw new InvalidDataException($"its header would have {headerLength} bytes but {rest} follow");
        var header = new byte[headerLength];
        stream.ReadExactly(header);
        var (inOrder, metadata) = Parse(header, rest - (long)headerLength);
        return new SafetensorsReader(stream, inOrder, metadata);
    }

    /// <summary>Checks a header as it is checked when it is read.</summary>
    /// <exception cref="InvalidDataException">It would be refused.</exception>
    public static void CheckHeader(ReadOnlyMemory<byte> header, long dataLength) => Parse(header, dataLength);

    /// <summary>Every tensor, on the CPU; they belong to the caller alone, not to a dispose scope.</summary>
    public Dictionary<string, Tensor> ReadAll()
    {
        var tensors = new Dictionary<string, Tensor>();
        try
        {
            foreach (var (name, entry, _, _) in _inOrder)
            {
                var tensor = TensorBytes.Read(_stream, entry.Dtype, entry.Shape);
                tensors.Add(name, tensor);
                if (entry.Dtype == ScalarType.Bool && !TensorBytes.AreBooleans(tensor))
                    throw new InvalidDataException($"'{name}' is BOOL but holds bytes other than 0 and 1");
            }

            return tensors;
        }
        catch
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
    }

    private static (IReadOnlyList<Placed> InOrder, IReadOnlyDictionary<string, string> Metadata) Parse(ReadOnlyMemory<byte> header, long dataLength)
    {
        if (header.Span is not [(byte)'{', ..])
            throw new InvalidDataException("its header does not begin with '{'");
        try
        {
            using var json = JsonDocument.Parse(header);
            RefuseRepeatedNames(json.RootElement);
            return Place(json.RootElement, dataLength);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"its header is damaged: {problem.Message}", problem);
        }
    }

    private static (IReadOnlyList<Placed> InOrder, IReadOnlyDictionary<string, string> Metadata) Place(JsonElement header, long dataLength)
    {
        var metadata = new Dictionary<string, string>();
        var placed = new List<Placed>();
        foreach (var member in header.EnumerateObject())
        {
            if (member.Name != MetadataKey)
                placed.Add(Tensor(member.Name, member.Value));
            else
                foreach (var entry in member.Value.EnumerateObject())
                    metadata[entry.Name] = entry.Value.GetString() ?? throw new InvalidDataException($"its metadata '{entry.Name}' is not text");
        }

        placed.Sort((left, right) => (left.Start, left.End).CompareTo((right.Start, right.End)));
        var end = 0L;
        foreach (var tensor in placed)
        {
            if (tensor.Start != end)
                throw new InvalidDataException($"the data of '{tensor.Name}' begins at {tensor.Start} but what lies before it ends at {end}");
            end = tensor.End;
        }

        return end == dataLength
            ? (placed, metadata)
            : throw new InvalidDataException($"its tensors take {end} bytes but {dataLength} follow the header");
    }

    /// <summary>Readers differ in which of two they take.</summary>
    private static void RefuseRepeatedNames(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var value in element.EnumerateArray())
                RefuseRepeatedNames(value);
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            var names = new HashSet<string>();
            foreach (var member in element.EnumerateObject())
            {
                if (!names.Add(member.Name))
                    throw new InvalidDataException($"its header has '{member.Name}' twice");
                RefuseRepeatedNames(member.Value);
            }
        }
    }

    private static Placed Tensor(string name, JsonElement entry)
    {
        var dtypeName = Member(name, entry, "dtype").GetString();
        if (dtypeName is null || !SafetensorsDtype.TryGet(dtypeName, out var dtype))
            throw new InvalidDataException($"'{name}' is {dtypeName ?? "null"}, but TorchSharp has {SafetensorsDtype.All}");
        long[] shape = [.. Member(name, entry, "shape").EnumerateArray().Select(size => size.GetInt64())];
        long[] offsets = [.. Member(name, entry, "data_offsets").EnumerateArray().Select(offset => offset.GetInt64())];
        if (offsets is not [>= 0 and var start, var end] || end < start)
            throw new InvalidDataException($"'{name}' has the data offsets [{string.Join(", ", offsets)}], not a beginning and an end");
        if (shape.Length > MostDimensions)
            throw new InvalidDataException($"'{name}' has {shape.Length} dimensions, more than the {MostDimensions} that torch takes");
        if (shape.Any(size => size < 0))
            throw new InvalidDataException($"'{name}' has the shape ({string.Join(", ", shape)})");
        long bytes;
        try
        {
            // The strides of an empty tensor are counted with its other sizes: those must not overflow either.
            var elements = shape.Aggregate(1L, (product, size) => checked(product * Math.Max(size, 1)));
            bytes = shape.Contains(0) ? 0 : checked(elements * SafetensorsDtype.Size(dtype));
        }
        catch (OverflowException)
        {
            throw new InvalidDataException($"'{name}' has the shape ({string.Join(", ", shape)}), which is too large");
        }

        return bytes == end - start
            ? new Placed(name, new WeightsEntry(dtype, shape), start, end)
            : throw new InvalidDataException(
                $"'{name}' is {dtypeName} with the shape ({string.Join(", ", shape)}), which takes {bytes} bytes, but its data has {end - start}");
    }

    private static JsonElement Member(string name, JsonElement entry, string member)
        => entry.TryGetProperty(member, out var value) ? value : throw new InvalidDataException($"'{name}' has no {member}");
}

/// <summary>The dtypes of the format that TorchSharp has, by their names there.</summary>
internal static class SafetensorsDtype
{
    private static readonly Dictionary<string, (ScalarType Type, int Size)> Known = new()
    {
        ["BOOL"] = (ScalarType.Bool, 1),
        ["U8"] = (ScalarType.Byte, 1),
        ["I8"] = (ScalarType.Int8, 1),
        ["I16"] = (ScalarType.Int16, 2),
        ["F16"] = (ScalarType.Float16, 2),
        ["BF16"] = (ScalarType.BFloat16, 2),
        ["I32"] = (ScalarType.Int32, 4),
        ["F32"] = (ScalarType.Float32, 4),
        ["I64"] = (ScalarType.Int64, 8),
        ["F64"] = (ScalarType.Float64, 8),
    };

    private static readonly Dictionary<ScalarType, string> Names = Known.ToDictionary(known => known.Value.Type, known => known.Key);

    public static string All => string.Join(", ", Known.Keys);

    public static string? NameOf(ScalarType type) => Names.GetValueOrDefault(type);

    public static bool TryGet(string name, out ScalarType type)
    {
        var known = Known.TryGetValue(name, out var found);
        type = found.Type;
        return known;
    }

    public static int Size(ScalarType type) => Known[Names[type]].Size;
}
