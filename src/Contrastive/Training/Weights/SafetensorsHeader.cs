using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What a safetensors file says of a tensor.</summary>
/// <param name="Dtype">The dtype.</param>
/// <param name="Shape">The shape; empty for a scalar.</param>
public sealed record SafetensorsEntry(ScalarType Dtype, IReadOnlyList<long> Shape)
{
    internal string Description => $"{Dtype} ({string.Join(", ", Shape)})";
}

/// <summary>What a safetensors file holds.</summary>
/// <param name="Tensors">Every tensor, by name, in the order of the data.</param>
/// <param name="Metadata">What was written beside them; empty if there is none.</param>
public sealed record SafetensorsHeader(
    IReadOnlyDictionary<string, SafetensorsEntry> Tensors, IReadOnlyDictionary<string, string> Metadata);
