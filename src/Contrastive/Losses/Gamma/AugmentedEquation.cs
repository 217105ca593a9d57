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
    /// <summary>The loss of each anchor.</summary>
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    public static Tensor Value(PairSums sums, GammaWeights weights)
    {
        var (known, sampled) = Parts(sums, weights);
        var positive = sums.Reference is null ? sums.Positive : sums.Positive.Plus(sums.Reference.mul(sums.Counts.Positive));
        return known.Plus(sampled).sub(positive.mul(weights.PositiveShare));
    }

    /// <summary>Its derivatives by the sums.</summary>
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    public static SumDerivatives Derivatives(PairSums sums, GammaWeights weights)
    {
        var (known, sampled) = Parts(sums, weights);
        return new SumDerivatives(known, sampled, weights.PositiveShare.neg());
    }

    /// <summary>u_i/k Σ_known exp(s_ij) and u_i/k c_i Σ_sampled exp(s_ij); their sum is the derivative by log(u_i / k).</summary>
    public static (Tensor Known, Tensor Sampled) Parts(PairSums sums, GammaWeights weights)
    {
        var log = weights.RelativeWeights;
        if (!ReferenceEquals(sums.Reference, weights.Reference))
        {
            if (sums.Reference is { } ofSums) log = log.Plus(weights.Reference is { } both ? ofSums.sub(both) : ofSums);
            else log = log.sub(weights.Reference!);
        }
        return (sums.LogKnown.Plus(log).exp(), sums.LogSampled.Plus(log).Plus(weights.LogSampledScale).exp());
    }
}
