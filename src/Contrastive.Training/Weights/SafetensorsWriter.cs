using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// Writes the format: the length of the header in 8 bytes, the header in JSON, filled up with spaces to a multiple of 8, and
/// the data without a gap. Wide dtypes come first, so every tensor lies at a multiple of its element's size; then names in
/// ordinal order: equal tensors are equal files. What the reader would refuse is refused before anything is written.
/// </summary>
internal sealed class SafetensorsWriter
{
    private readonly KeyValuePair<string, Tensor>[] _ordered;
    private readonly ReadOnlyMemory<byte> _header;

    /// <exception cref="ArgumentException">A name, a dtype or a text has no place in the format, or the header gets too long.</exception>
    public SafetensorsWriter(IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata, string argument)
    {
        foreach (var (name, tensor) in tensors)
            Check(name, tensor, argument);
        foreach (var (name, text) in metadata)
        {
            UnicodeText.Check(name, "a name in the metadata", nameof(metadata));
            UnicodeText.Check(text, $"the metadata '{name}'", nameof(metadata));
        }

        // Before it is made: it might not even fit into memory.
        CheckLength(tensors.Keys.Concat(metadata.Keys).Concat(metadata.Values).Sum(text => (long)text.Length), argument);
        _ordered =
        [
            .. tensors
                .OrderByDescending(tensor => SafetensorsDtype.Size(tensor.Value.dtype))
                .ThenBy(tensor => tensor.Key, StringComparer.Ordinal)
        ];
        _header = Header(_ordered, metadata);
        CheckLength(_header.Length, argument);
        try
        {
            SafetensorsReader.CheckHeader(_header, _ordered.Sum(tensor => Bytes(tensor.Value)));
        }
        catch (InvalidDataException problem)
        {
            throw new ArgumentException($"it could not be read again: {problem.Message}", argument, problem);
        }
    }

    public void Write(Stream stream)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)_header.Length);
        stream.Write(length);
        stream.Write(_header.Span);
        foreach (var (_, tensor) in _ordered)
            TensorBytes.Write(tensor, stream);
    }

    private static void Check(string name, Tensor tensor, string argument)
    {
        if (string.IsNullOrEmpty(name) || name == SafetensorsReader.MetadataKey)
            throw new ArgumentException($"'{name}' cannot be the name of a tensor", argument);
        UnicodeText.Check(name, "the name of a tensor", argument);
        if (tensor is null || tensor.IsInvalid)
            throw new ArgumentException($"'{name}' is null or disposed", argument);
        if (SafetensorsDtype.NameOf(tensor.dtype) is null)
            throw new ArgumentException($"'{name}' is {tensor.dtype}, but the format takes {SafetensorsDtype.All}", argument);
        if (tensor.is_sparse)
            throw new ArgumentException($"'{name}' is sparse with the shape {Guard.Shape(tensor)}, but the format is dense: call to_dense() first", argument);
        if (tensor.device_type == DeviceType.META)
            throw new ArgumentException($"'{name}' is on the device meta, where tensors have no values", argument);
        if (tensor.dtype == ScalarType.Bool && !TensorBytes.AreBooleans(tensor))
            throw new ArgumentException($"'{name}' is BOOL but holds bytes other than 0 and 1", argument);
    }

    private static void CheckLength(long length, string argument)
    {
        if (length > SafetensorsReader.LongestHeader)
            throw new ArgumentException($"names and metadata take {length} bytes or more, but the format takes {SafetensorsReader.LongestHeader}", argument);
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * SafetensorsDtype.Size(tensor.dtype);

    private static ReadOnlyMemory<byte> Header(KeyValuePair<string, Tensor>[] ordered, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsReader.MetadataKey);
                foreach (var (name, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                    json.WriteString(name, value);
                json.WriteEndObject();
            }

            var at = 0L;
            foreach (var (name, tensor) in ordered)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsDtype.NameOf(tensor.dtype));
                json.WriteStartArray("shape");
                foreach (var size in tensor.shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at += Bytes(tensor));
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        var padding = (8 - (buffer.WrittenCount % 8)) % 8;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenMemory;
    }
}
