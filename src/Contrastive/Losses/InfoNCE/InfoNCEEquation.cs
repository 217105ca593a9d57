using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// InfoNCE of each anchor, (n), from the sums over its positives and its negatives (van den Oord et al. 2018, equation 4;
/// with several positives Khosla et al. 2020, equations 2 and 3). With P = log Σ_positives exp(s_ip) and
/// Q = log Σ_negatives exp(s_ij), log Σ_all = P + log(1 + exp(Q - P)): no digits are lost where the loss is small.
/// </summary>
internal static class InfoNCEEquation
{
    /// <summary>One positive per anchor: -s_ip + log( exp(s_ip) + Σ_negatives exp(s_ij) ) = log(1 + exp(Q - s_ip)).</summary>
    /// <param name="difference">Q - s_ip.</param>
    public static Tensor SinglePositive(Tensor difference) => nn.functional.logsigmoid(difference.neg()).neg();

    /// <summary>The derivatives of <see cref="SinglePositive"/>.</summary>
    /// <param name="difference">Q - s_ip.</param>
    public static SumDerivatives SinglePositiveDerivatives(Tensor difference) => new(null, difference.sigmoid(), null, IsRatio: true);

    /// <summary>k positives: outside the logarithm -1/k Σ_p s_ip + log Σ_all, inside it -log( 1/k Σ_p exp(s_ip) ) + log Σ_all.</summary>
    /// <param name="sums">The sums over positives and negatives.</param>
    /// <param name="positiveSum">Where the sum over the positives stands.</param>
    public static Tensor SeveralPositives(PairSums sums, PositiveSum positiveSum)
    {
        var count = sums.Counts.Numerator.clamp_min(Scalars.One);
        var ratio = SinglePositive(sums.LogNegatives.sub(sums.LogPositives));
        return ratio.Plus(positiveSum == PositiveSum.InsideLog ? count.log() : sums.LogPositives.sub(sums.PositiveLogits.div(count)));
    }

    /// <summary>The derivatives of <see cref="SeveralPositives"/>.</summary>
    /// <param name="sums">The sums over positives and negatives.</param>
    /// <param name="positiveSum">Where the sum over the positives stands.</param>
    public static SumDerivatives SeveralPositivesDerivatives(PairSums sums, PositiveSum positiveSum)
    {
        var difference = sums.LogNegatives.sub(sums.LogPositives);
        var negative = difference.sigmoid();
        return positiveSum == PositiveSum.InsideLog
            ? new SumDerivatives(negative.neg(), negative, null)
            : new SumDerivatives(difference.neg().sigmoid(), negative, sums.Counts.Numerator.clamp_min(Scalars.One).reciprocal().neg());
    }

    /// <summary>
    /// Without the positives in the denominator (C.-H. Yeh et al. 2022, equation 5): -1/k Σ_p s_ip + log Σ_negatives exp(s_ij), or with the
    /// sum inside -log( 1/k Σ_p exp(s_ip) ) + log Σ_negatives exp(s_ij).
    /// </summary>
    /// <param name="sums">The sums over positives and negatives.</param>
    /// <param name="positiveSum">Where the sum over the positives stands.</param>
    public static Tensor Decoupled(PairSums sums, PositiveSum positiveSum)
    {
        if (sums.IsSinglePositive) return sums.LogNegatives.sub(sums.PositiveLogits);
        var count = sums.Counts.Numerator.clamp_min(Scalars.One);
        return positiveSum == PositiveSum.InsideLog
            ? sums.LogNegatives.sub(sums.LogPositives).Plus(count.log())
            : sums.LogNegatives.sub(sums.PositiveLogits.div(count));
    }

    /// <summary>The derivatives of <see cref="Decoupled"/>.</summary>
    /// <param name="sums">The sums over positives and negatives.</param>
    /// <param name="positiveSum">Where the sum over the positives stands.</param>
    public static SumDerivatives DecoupledDerivatives(PairSums sums, PositiveSum positiveSum)
    {
        var one = ones_like(sums.LogNegatives);
        if (sums.IsSinglePositive) return new SumDerivatives(null, one, one.neg());
        return positiveSum == PositiveSum.InsideLog
            ? new SumDerivatives(one.neg(), one, null)
            : new SumDerivatives(null, one, sums.Counts.Numerator.clamp_min(Scalars.One).reciprocal().neg());
    }

    /// <summary>-w_i s_ip + log Σ_negatives exp(s_ij) (Yeh et al. 2022, equation 6).</summary>
    /// <param name="sums">The sums over the positive and the negatives.</param>
    /// <param name="weights">w, (n).</param>
    public static Tensor WeightedPositive(PairSums sums, Tensor weights)
    {
        // The sums are relative to r_i, of which w_i - 1 are left over.
        var excess = weights.neg().Plus(1).mul(sums.Absolute(sums.PositiveLogits));
        return sums.LogNegatives.sub(sums.PositiveLogits).Plus(excess);
    }

    /// <summary>The derivatives of <see cref="WeightedPositive"/>.</summary>
    /// <param name="sums">The sums over the positive and the negatives.</param>
    /// <param name="weights">w, (n).</param>
    public static SumDerivatives WeightedPositiveDerivatives(PairSums sums, Tensor weights)
        => new(null, ones_like(sums.LogNegatives), weights.neg(), sums.Absolute(sums.PositiveLogits).neg());

    /// <summary>
    /// The cross-entropy with target probabilities (J. Li et al. 2021, equation 6; label smoothing: C. Szegedy et al. 2016, section 7):
    /// -Σ_j t_ij (s_ij - log Σ_all exp(s_ij)).
    /// </summary>
    /// <param name="sums">log Σ_all in the negatives' place, Σ_j t_ij s_ij as the numerator, Σ_j t_ij as its count.</param>
    public static Tensor SoftTargets(PairSums sums) => sums.LogNegatives.mul(sums.Counts.Numerator).sub(sums.PositiveLogits);

    /// <summary>The derivatives of <see cref="SoftTargets"/>.</summary>
    /// <param name="sums">Likewise.</param>
    public static SumDerivatives SoftTargetsDerivatives(PairSums sums)
        => new(null, sums.Counts.Numerator, ones_like(sums.PositiveLogits).neg());
}
