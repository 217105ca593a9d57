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
    /// <summary>The loss of each anchor, and what its derivatives are made of.</summary>
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    public static (Tensor Value, AugmentedParts Parts) Of(PairSums sums, GammaWeights weights)
    {
        var parts = Parts(sums, weights);
        var numerator = sums.Reference is null ? sums.PositiveLogits : sums.PositiveLogits.Plus(sums.Reference.mul(sums.Counts.Numerator));
        return (parts.Positives.Plus(parts.Negatives).sub(numerator.mul(weights.PositiveShare)), parts);
    }

    /// <summary>What a block adds that has no positives: u_i/k c_i Σ_negatives exp(s_ij), which is its own derivative by the logarithm.</summary>
    /// <param name="sums">The sums of the block.</param>
    /// <param name="weights">The constants of its anchors.</param>
    public static (Tensor Value, Tensor ByLogNegatives) OfNegatives(PairSums sums, GammaWeights weights)
    {
        var negatives = sums.LogNegatives.Plus(LogWeights(sums, weights)).Plus(weights.LogNegativeScale).exp();
        return (negatives, negatives);
    }

    private static AugmentedParts Parts(PairSums sums, GammaWeights weights)
    {
        var log = LogWeights(sums, weights);
        return new AugmentedParts(sums.LogPositives.Plus(log).exp(), sums.LogNegatives.Plus(log).Plus(weights.LogNegativeScale).exp());
    }

    /// <summary>log(u_i / k), relative to what the sums are relative to.</summary>
    private static Tensor LogWeights(PairSums sums, GammaWeights weights)
    {
        var log = weights.RelativeWeights;
        if (!ReferenceEquals(sums.Reference, weights.Reference))
        {
            if (sums.Reference is { } ofSums) log = log.Plus(weights.Reference is { } both ? ofSums.sub(both) : ofSums);
            else log = log.sub(weights.Reference!);
        }
        return log;
    }
}

/// <summary>The exponential terms of each anchor's loss, (n), which are its derivatives by the logarithms of the sums.</summary>
/// <param name="Positives">u_i/k Σ_positives exp(s_ij).</param>
/// <param name="Negatives">u_i/k c_i Σ_negatives exp(s_ij).</param>
internal readonly record struct AugmentedParts(Tensor Positives, Tensor Negatives)
{
    /// <summary>The derivatives by the sums.</summary>
    /// <param name="weights">The constants of the anchors.</param>
    public SumDerivatives Derivatives(GammaWeights weights) => new(Positives, Negatives, weights.PositiveShare.neg());

    /// <summary>The derivative by log(u_i / k), in the memory given.</summary>
    public Tensor ByLogWeights(Tensor memory) => memory.copy_(Positives).add_(Negatives, Scalars.One);
}
