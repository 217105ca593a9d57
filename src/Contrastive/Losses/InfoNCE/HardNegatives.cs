using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Negatives weighted by how hard they are (J. Robinson et al., "Contrastive Learning with Hard Negative Samples", ICLR 2021, section 3;
/// the debiasing is that of C.-Y. Chuang et al., "Debiased Contrastive Learning", NeurIPS 2020).
/// </summary>
/// <remarks>
/// <para>
/// $$G_i = M \, \frac{\sum_j \exp((1 + \beta) s_{ij})}{\sum_j \exp(\beta s_{ij})}, \qquad
/// \max\!\left( \frac{G_i - \tau^+ M \exp(s_{ip})}{1 - \tau^+}, \; M e^{-1/\tau} \right)$$
/// </para>
/// <para>An anchor's M negatives count with w_j = exp(β s_ij) / mean_k exp(β s_ik), of mean 1: G_i is their sum. With a prior τ⁺, the chance of
/// a negative to be a positive that nobody knows of, it is the maximum above, of several positives with the mean of their exponentials.</para>
/// <para>As in the authors' code a gradient is taken through the weights, and the similarities have 1/τ (and a logit bias) in them. The
/// lower bound takes none.</para>
/// </remarks>
public sealed class HardNegatives
{
    /// <summary>How to weigh.</summary>
    /// <param name="beta">β, the concentration on hard negatives; with 0 all count alike. Range: β ≥ 0.</param>
    /// <param name="positivePrior">τ⁺; with 0 nothing is taken off. Range: 0 ≤ τ⁺ &lt; 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public HardNegatives(double beta = 1, double positivePrior = 0)
    {
        Beta = Guard.Weight(beta);
        PositivePrior = positivePrior == 0 ? 0 : Guard.Inside(positivePrior, 0, 1);
    }

    /// <summary>β, the concentration on hard negatives.</summary>
    public double Beta { get; }

    /// <summary>τ⁺, the chance of a negative to be a positive.</summary>
    public double PositivePrior { get; }
}

/// <summary>The logarithm of the negatives' sum without what positives among them bring, and the way back.</summary>
/// <param name="Log">(n), relative to the sums' reference.</param>
/// <param name="ByNegatives">Its derivative by the logarithm of the negatives' sum, (n).</param>
/// <param name="ByPositives">By that of the positives' sum, (n).</param>
internal sealed record DebiasedNegatives(Tensor Log, Tensor ByNegatives, Tensor ByPositives)
{
    /// <summary>log max( (G - τ⁺ M p) / (1 - τ⁺), M exp(-1/τ) ), p the mean of the positives' exponentials.</summary>
    /// <param name="sums">The sums of each anchor, G among them.</param>
    /// <param name="prior">τ⁺.</param>
    /// <param name="scale">1/τ.</param>
    public static DebiasedNegatives Of(PairSums sums, double prior, LogitScale scale)
    {
        var logCount = sums.Counts.Negatives.clamp_min(Scalars.One).log();
        var logPositive = sums.LogPositives.sub(sums.Counts.Numerator.clamp_min(Scalars.One).log());
        // The share of G that is taken off; of 1 or more nothing is left. (The exponential of more would have a derivative that is NaN.)
        var logShare = logPositive.Plus(logCount).Plus(Math.Log(prior)).sub(sums.LogNegatives).clamp_max(Scalars.Zero);
        var isLeft = logShare.lt(Scalars.Zero);
        var part = logShare.exp().masked_fill(isLeft.logical_not(), Scalars.Zero);
        var log = sums.LogNegatives.Plus(part.neg().log1p()).Plus(-Math.Log(1 - prior));

        var least = logCount.sub(scale.Of(ones_like(logCount)));
        if (sums.Reference is not null) least = least.sub(sums.Reference);
        least = least.masked_fill(sums.Counts.Negatives.eq(Scalars.Zero), Scalars.NegativeInfinity);
        var isAbove = isLeft.logical_and(log.gt(least)).detach();
        var share = part.detach();
        var byNegatives = share.neg().Plus(1).reciprocal().masked_fill(isAbove.logical_not(), Scalars.Zero);
        return new DebiasedNegatives(log.where(isAbove, least), byNegatives, byNegatives.mul(share).neg());
    }

    /// <summary>The derivatives by the sums, from those by the sums with this in the negatives' place.</summary>
    public SumDerivatives PullBack(SumDerivatives derivatives)
    {
        var byPositives = derivatives.LogNegatives.mul(ByPositives);
        return derivatives with
        {
            LogNegatives = derivatives.LogNegatives.mul(ByNegatives),
            LogPositives = derivatives.LogPositives is { } others ? others.Plus(byPositives) : byPositives,
        };
    }
}
