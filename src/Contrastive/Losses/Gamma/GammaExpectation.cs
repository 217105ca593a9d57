using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>One E-step, worked out but not yet stored: the weights, the objective and the estimator's pending change.</summary>
/// <param name="Weights">What the M-step needs.</param>
/// <param name="Objective">-1/k Σ_p s_ip + log Ẑ_i, (m).</param>
/// <param name="Presence">Which anchors have what they need.</param>
/// <param name="Estimate">log Ẑ_i and the change of state that goes with it.</param>
internal readonly record struct GammaExpectation(
    GammaWeights Weights, Tensor Objective, PairPresence Presence, PartitionEstimate Estimate)
{
    public static GammaExpectation Of(
        PartitionSums sums,
        FeatureRows anchors,
        LogitScale scale,
        Tensor? sampleIds,
        bool distinct,
        PartitionEstimator estimator,
        EStep step,
        MissingPairs missingPairs,
        Generator? generator)
    {
        using var constant = no_grad();
        // The objective is the difference of an estimate and a positive, and small where training has come far.
        sums = sums.RelativeToLarger();
        var presence = PairPresence.All;
        if (!sums.IsPlain)
        {
            presence = PairPresence.Check(sums.PositiveCount, sums.SampledCount, missingPairs);
            CheckPopulation(estimator, sums);
        }

        // Anchors that are left out are not shown to the estimator.
        var rows = presence.Complete?.nonzero().squeeze(1);
        var shown = rows is null ? sums : sums.Select(rows);
        var estimate = estimator.Estimate(new PartitionObservation(
            shown,
            () => rows is null ? anchors.Constant : anchors.Constant.index_select(0, rows),
            scale,
            rows is null ? sampleIds : sampleIds?.index_select(0, rows))
        {
            DistinctSamples = distinct,
        });

        var relative = shown.Relative;
        var logPartition = estimate.IsRelative || relative.Reference is null ? estimate.LogPartition : estimate.LogPartition.sub(relative.Reference);
        var logWeights = GammaPosterior.LogWeights(logPartition, shown.PositiveCount, step, generator);
        var positiveShare = shown.PositiveCount.reciprocal();
        var objective = logPartition.sub(relative.Positive.mul(positiveShare));
        var weights = new GammaWeights(
            Spread(logWeights, Scalars.NegativeInfinity),
            Spread(estimate.LogSampledScale, Scalars.Zero),
            Spread(positiveShare, Scalars.Zero),
            Spread(logPartition, Scalars.Zero),
            sums.Relative.Reference,
            presence.Missing);
        return new GammaExpectation(weights, Spread(objective, Scalars.Zero), presence, estimate);

        Tensor Spread(Tensor values, Scalar elsewhere)
            => rows is null ? values : full_like(sums.LogKnown, elsewhere).index_copy_(0, rows, values);
    }

    private static void CheckPopulation(PartitionEstimator estimator, PartitionSums sums)
    {
        if (estimator.Population is not { } population) return;
        var known = sums.KnownCount.max().to(ScalarType.Int64).item<long>();
        if (known >= population)
            throw new ArgumentException(
                $"the estimator's population is {population} candidates but an anchor has {known} known ones in the batch alone");
    }
}
