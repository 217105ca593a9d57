using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>Raw feature matrices, float32, not normalised: every form normalises its own, as models do.</summary>
internal static class Features
{
    /// <summary>One matrix for each seed, (batch, dim), requiring gradients unless told otherwise.</summary>
    public static Tensor[] Make(long batch, long dim, int count = 2, bool requiresGrad = true)
        => [.. Enumerable.Range(1, count).Select(seed =>
        {
            using var generator = new Generator((ulong)seed);
            return randn([batch, dim], ScalarType.Float32, requires_grad: requiresGrad, generator: generator);
        })];

    /// <summary>A learned logit scale as CLIP keeps it: log(1/τ) from τ = 0.07.</summary>
    public static Parameter LogScale() => new(tensor((float)Math.Log(1 / 0.07)));

    public static Tensor Unit(Tensor features) => nn.functional.normalize(features, p: 2, dim: -1);
}
