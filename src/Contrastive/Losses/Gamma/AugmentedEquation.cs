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
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    /// <param name="logWeights">log(u_i / k), (n), those of <paramref name="weights"/> or a leaf in their place.</param>
    public static Tensor PerAnchor(PairSums sums, GammaWeights weights, Tensor logWeights)
    {
        var known = sums.LogKnown.Plus(logWeights).exp();
        var sampled = sums.LogSampled.Plus(logWeights).Plus(weights.LogSampledScale).exp();
        return known.Plus(sampled).sub(sums.PositiveLogits.mul(weights.PositiveShare));
    }
}
