using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Writes the format: the length of the header in 8 bytes, the header in JSON, filled up with spaces to a multiple of 8, and
/// the data without a gap. Wide dtypes come first, so every tensor lies at a multiple of its element's size; then names in
/// ordinal order: equal tensors are equal files.
/// </summary>
internal static class SafetensorsWriter
{
    /// <exception cref="ArgumentException">A name or a dtype has no place in the format.</exception>
    public static void Check(IReadOnlyDictionary<string, Tensor> tensors, string argument)
    {
        foreach (var (name, tensor) in tensors)
        {
            if (string.IsNullOrEmpty(name) || name == SafetensorsReader.MetadataKey)
                throw new ArgumentException($"'{name}' cannot be the name of a tensor", argument);
            if (tensor is null || tensor.IsInvalid)
                throw new ArgumentException($"'{name}' is null or disposed", argument);
            if (SafetensorsDtype.NameOf(tensor.dtype) is null)
                throw new ArgumentException($"'{name}' is {tensor.dtype}, but the format takes {SafetensorsDtype.All}", argument);
            if (tensor.is_sparse)
                throw new ArgumentException($"'{name}' is sparse with the shape {Guard.Shape(tensor)}, but the format is dense: call to_dense() first", argument);
        }
    }

    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var ordered = tensors
            .OrderByDescending(tensor => SafetensorsDtype.Size(tensor.Value.dtype))
            .ThenBy(tensor => tensor.Key, StringComparer.Ordinal)
            .ToArray();
        var header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (_, tensor) in ordered)
            TensorBytes.Write(tensor, stream);
    }

    private static ReadOnlySpan<byte> Header(KeyValuePair<string, Tensor>[] ordered, IReadOnlyDictionary<string, string> metadata)
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
                json.WriteNumberValue(at += tensor.numel() * SafetensorsDtype.Size(tensor.dtype));
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        var padding = (8 - (buffer.WrittenCount % 8)) % 8;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenSpan;
    }
}
