using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The augmented loss of each anchor, (n), from the sums over a block of candidates, with u_i held constant:
/// ℓ_i = -1/k Σ_{positives p} s_ip + u_i/k Σ_{positives j} exp(s_ij) + u_i/k c_i Σ_{negatives j} exp(s_ij),
/// c_i the number of candidates that each negative stands for. A sum over pairs: blocks of it add up exactly.
/// </summary>
internal static class AugmentedEquation
{
    /// <summary>The loss of each anchor.</summary>
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    public static Tensor Value(PairSums sums, GammaWeights weights)
    {
        var (positives, negatives) = Parts(sums, weights);
        var numerator = sums.Reference is null ? sums.PositiveLogits : sums.PositiveLogits.Plus(sums.Reference.mul(sums.Counts.Numerator));
        return positives.Plus(negatives).sub(numerator.mul(weights.PositiveShare));
    }

    /// <summary>Its derivatives by the sums.</summary>
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    public static SumDerivatives Derivatives(PairSums sums, GammaWeights weights)
    {
        var (positives, negatives) = Parts(sums, weights);
        return new SumDerivatives(positives, negatives, weights.PositiveShare.neg());
    }

    /// <summary>u_i/k Σ_positives exp(s_ij) and u_i/k c_i Σ_negatives exp(s_ij); their sum is the derivative by log(u_i / k).</summary>
    public static (Tensor Positives, Tensor Negatives) Parts(PairSums sums, GammaWeights weights)
    {
        var log = weights.RelativeWeights;
        if (!ReferenceEquals(sums.Reference, weights.Reference))
        {
            if (sums.Reference is { } ofSums) log = log.Plus(weights.Reference is { } both ? ofSums.sub(both) : ofSums);
            else log = log.sub(weights.Reference!);
        }
        return (sums.LogPositives.Plus(log).exp(), sums.LogNegatives.Plus(log).Plus(weights.LogNegativeScale).exp());
    }
}
