using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>An estimate for the anchors of a batch, of which nothing is drawn and nothing stored yet.</summary>
/// <param name="Sums">The sums of all anchors.</param>
/// <param name="Shown">Those of the anchors that the estimator saw.</param>
/// <param name="Rows">Which anchors those are, (m); null for all.</param>
/// <param name="Skipped">Which anchors have what they need.</param>
/// <param name="Estimate">log Ẑ_i and the change of state that goes with it.</param>
internal sealed record GammaEstimate(
    PartitionSums Sums, PartitionSums Shown, Tensor? Rows, SkippedAnchors Skipped, PartitionEstimate Estimate)
{
    /// <summary>Asks an estimator. Refuses what is wrong, and changes nothing.</summary>
    public static GammaEstimate Of(
        PartitionSums sums,
        FeatureRows? anchors,
        LogitScale scale,
        Tensor? sampleIds,
        bool distinct,
        PartitionEstimator estimator,
        MissingPairs missingPairs,
        Tiling tiling)
    {
        using var constant = no_grad();
        // The objective is the difference of an estimate and a positive, and small where training has come far.
        sums = sums.RelativeToLarger();
        var skipped = SkippedAnchors.None;
        if (!sums.IsSinglePositive)
        {
            skipped = SkippedAnchors.Find(sums.PositiveCount, sums.NegativeTerms, missingPairs);
            CheckPopulation(estimator, sums);
        }

        // Anchors that are skipped are not shown to the estimator.
        var rows = skipped.Others?.nonzero().squeeze(1);
        var shown = rows is null ? sums : sums.Select(rows);
        var estimate = estimator.Estimate(new PartitionObservation(
            shown,
            () => Constant(rows),
            scale,
            rows is null ? sampleIds : sampleIds?.index_select(0, rows))
        {
            DistinctSamples = distinct,
            Tiling = tiling,
        });
        return new GammaEstimate(sums, shown, rows, skipped, estimate);

        Tensor Constant(Tensor? some)
        {
            if (anchors is null)
                throw new ArgumentException($"{estimator.GetName()} compares the anchors' features with its own candidates, but the anchors were not given");
            return some is null ? anchors.Constant : anchors.Constant.index_select(0, some);
        }
    }

    /// <summary>The E-step with this estimate: here u_i is drawn, if it is.</summary>
    public GammaExpectation Expect(EStep step, Generator? generator)
    {
        using var constant = no_grad();
        var relative = Shown.Relative;
        var logPartition = Estimate.IsRelative || relative.Reference is null
            ? Estimate.LogPartition
            : Estimate.LogPartition.sub(relative.Reference);
        var logWeights = GammaPosterior.LogWeights(logPartition, Shown.PositiveCount, step, generator);
        var isSingle = Shown.IsSinglePositive;
        var positiveShare = isSingle ? Shown.PositiveCount : Shown.PositiveCount.reciprocal();
        var objective = logPartition.sub(isSingle ? relative.PositiveLogits : relative.PositiveLogits.mul(positiveShare));
        var objectives = Spread(objective, Scalars.Zero);
        var weights = new GammaWeights(
            Spread(logWeights, Scalars.NegativeInfinity),
            Spread(Estimate.LogNegativeScale, Scalars.Zero),
            Spread(positiveShare, Scalars.Zero),
            Spread(logPartition, Scalars.Zero),
            Sums.Relative.Reference,
            Skipped.Count,
            objectives);
        return new GammaExpectation(weights, objectives, Skipped);

        Tensor Spread(Tensor values, Scalar elsewhere)
            => Rows is null ? values : full_like(Sums.PositiveCount, elsewhere).index_copy_(0, Rows, values);
    }

    private static void CheckPopulation(PartitionEstimator estimator, PartitionSums sums)
    {
        if (estimator.Population is not { } population) return;
        var positives = sums.PositiveTerms.max().to(ScalarType.Int64).item<long>();
        if (positives >= population)
            throw new ArgumentException(
                $"the estimator's population is {population} candidates but an anchor has {positives} positives in the batch alone");
    }
}

/// <summary>One E-step: the weights and the objective.</summary>
/// <param name="Weights">What the M-step needs.</param>
/// <param name="Objective">-1/k Σ_p s_ip + log Ẑ_i, (m).</param>
/// <param name="Skipped">Which anchors have what they need.</param>
internal readonly record struct GammaExpectation(GammaWeights Weights, Tensor Objective, SkippedAnchors Skipped)
{
    /// <summary>The objective of each anchor, to be reduced; it has no derivatives.</summary>
    public AnchorLosses Objectives => new(Objective, Skipped, static () => default);
}

/// <summary>How the auxiliary variable u_i of the gamma augmentation is chosen, given the estimate Ẑ_i.</summary>
public enum EStep
{
    /// <summary>
    /// Its posterior mean k/Ẑ_i: the Rao-Blackwellised step. It has the fixed points of the sampled one, less variance, and
    /// needs no random numbers.
    /// </summary>
    PosteriorMean,

    /// <summary>A draw from Gamma(k, rate Ẑ_i), as published.</summary>
    Sampled,
}

/// <summary>The law of the auxiliary variable given the features: u_i ~ Gamma(shape k_i, rate Ẑ_i).</summary>
internal static class GammaPosterior
{
    /// <summary>log(u_i / k_i), (m), as chosen. In log space: log ε_i - log Ẑ_i with ε_i ~ Gamma(k_i, 1).</summary>
    public static Tensor LogWeights(Tensor logPartition, Tensor positiveCount, EStep step, Generator? generator)
    {
        if (step == EStep.PosteriorMean) return logPartition.neg();

        using var draw = _standard_gamma(positiveCount, generator);
        return draw.log().sub(positiveCount.log()).sub(logPartition);
    }
}
