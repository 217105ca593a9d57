using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The augmented loss of each anchor, (n), from the sums over a block of candidates, with u_i held constant:
/// ℓ_i = -1/k Σ_{positive p} s_ip + u_i/k Σ_{known j} exp(s_ij) + u_i/k c_i Σ_{sampled j} exp(s_ij),
/// c_i the number of candidates that each sampled one stands for. A sum over pairs: blocks of it add up exactly.
/// </summary>
internal static class AugmentedEquation
{
    public static Tensor PerAnchor(PairSums sums, GammaWeights weights)
    {
        var known = sums.LogKnown.Plus(weights.LogWeights).exp();
        var sampled = sums.LogSampled.Plus(weights.LogWeights).Plus(weights.LogSampledScale).exp();
        return known.Plus(sampled).sub(sums.PositiveLogits.mul(weights.PositiveShare));
    }
}
