using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The augmented loss of each anchor, (m), from logits s_ij (m, n) of a block, with u_i held constant:
/// ℓ_i = -1/k Σ_{positive p} s_ip + u_i/k Σ_{known j} exp(s_ij) + u_i/k c_i Σ_{sampled j} exp(s_ij),
/// c_i the number of candidates that each sampled one stands for. A sum over pairs: blocks of it add up exactly.
/// </summary>
internal static class AugmentedEquation
{
    /// <summary>The positive of row i is column i + offset, everything else is sampled.</summary>
    public static Tensor Plain(Tensor logits, long offset, GammaWeights weights)
    {
        Tensor offsets;
        using (no_grad())
        {
            offsets = weights.LogWeights.Plus(weights.LogSampledScale).unsqueeze(1).expand(logits.shape).clone();
            offsets.diagonal(offset, 0, 1).copy_(weights.LogWeights);
        }
        return logits.Plus(offsets).exp().sum(dim: 1).sub(logits.diagonal(offset, 0, 1).mul(weights.PositiveShare));
    }

    public static Tensor Masked(Tensor logits, GammaTile tile, GammaWeights weights)
    {
        Tensor offsets;
        using (no_grad())
        {
            var scale = weights.LogSampledScale.unsqueeze(1).expand(logits.shape).masked_fill(tile.Known, Scalars.Zero);
            offsets = weights.LogWeights.unsqueeze(1).Plus(scale)
                .masked_fill(tile.Known.logical_or(tile.Sampled).logical_not(), Scalars.NegativeInfinity);
        }
        var positive = logits.masked_fill(tile.Positive.logical_not(), Scalars.Zero).sum(dim: 1).mul(weights.PositiveShare);
        return logits.Plus(offsets).exp().sum(dim: 1).sub(positive);
    }
}
