using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>An augmentation for features of any kind: noise on standardised values, and some of them dropped.</summary>
internal sealed class Augmentation(double noise, double dropout, Generator random)
{
    /// <summary>(N, D) to (N, D), drawn anew at each call; what stays is scaled up by what is dropped.</summary>
    public Tensor Apply(Tensor standardised)
    {
        using var scope = NewDisposeScope();
        using var keep = (1 - dropout).ToScalar();
        var drawn = randn(standardised.shape, standardised.dtype, standardised.device, generator: random).Times(noise);
        var kept = rand(standardised.shape, standardised.dtype, standardised.device, generator: random).lt(keep);
        return standardised.Plus(drawn).mul(kept.to(standardised.dtype)).Times(1 / (1 - dropout)).MoveToOuterDisposeScope();
    }
}
