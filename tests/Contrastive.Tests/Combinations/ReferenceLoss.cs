using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>The loss of each anchor in one direction.</summary>
/// <param name="PerAnchor">(N), with a graph; 0 for one that lacks a pair.</param>
/// <param name="Objective">The same of what it stands for.</param>
/// <param name="Complete">Which anchors count.</param>
/// <param name="Terms">(N, M): how large the terms are that cancel in ∂ℓ_i/∂s_ij.</param>
internal sealed record ReferenceDirection(Tensor PerAnchor, double[] Objective, bool[] Complete, double[,] Terms)
{
    public int Skipped => Complete.Count(complete => !complete);

    /// <summary>The weight of each anchor in what is reduced.</summary>
    public double Share(nn.Reduction reduction) => reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, Complete.Length - Skipped) : 1;

    public static ReferenceDirection InfoNCE(Tensor s, PairCase pairs, PositiveSum sum)
    {
        var perAnchor = Reference.InfoNCE(s, pairs, sum);
        var (values, terms) = (Reference.Values(s), new double[pairs.Anchors, pairs.Candidates]);
        var complete = pairs.EachAnchor(i => pairs.IsComplete(i, sum));
        for (var i = 0; i < pairs.Anchors; i++)
        {
            if (!complete[i]) continue;
            // A softmax over all, less one over the positives or their mean.
            var all = PartitionTerms.Of(values, pairs, i, PositiveSampling.Complete);
            for (var j = 0; j < pairs.Candidates; j++)
            {
                if (pairs.Kinds[i, j] == PairKind.Excluded) continue;
                terms[i, j] = Math.Exp(values[i, j] - all.LogEstimate(0));
                if (pairs.Kinds[i, j] == PairKind.Positive)
                    terms[i, j] += sum == PositiveSum.InsideLog ? Math.Exp(values[i, j] - all.LogPositives) : 1.0 / all.Positives;
            }
        }
        return new ReferenceDirection(perAnchor, perAnchor.detach().data<double>().ToArray(), complete, terms);
    }

    /// <summary>The mean of u, or a draw where there is a generator; the estimator's change is not kept yet.</summary>
    public static ReferenceDirection Gamma(
        Tensor s, PairCase pairs, ReferenceEstimator estimator, double[][] scaledAnchors, long[]? ids, PositiveSampling sampling,
        Generator? generator, ScalarType dtype)
    {
        var values = Reference.Values(s);
        var complete = pairs.EachAnchor(i => pairs.IsComplete(i, sampling));
        var shown = Enumerable.Range(0, pairs.Anchors).Where(i => complete[i]).ToArray();
        var estimates = estimator.Estimate([.. shown.Select(i
            => new ReferenceAnchor(PartitionTerms.Of(values, pairs, i, sampling), scaledAnchors[i], ids?[i]))]);
        var counts = tensor(shown.Select(i => (double)pairs.Positives(i)).ToArray());
        var draws = generator is null
            ? null
            : (_standard_gamma(counts.to(dtype), generator).to(ScalarType.Float64).log() - counts.log()).data<double>().ToArray();

        var (logWeights, logScale, objective) = (new double[pairs.Anchors], new double[pairs.Anchors], new double[pairs.Anchors]);
        Array.Fill(logWeights, double.NegativeInfinity);
        for (var n = 0; n < shown.Length; n++)
        {
            var i = shown[n];
            logWeights[i] = -estimates[n].LogPartition + (draws?[n] ?? 0);
            logScale[i] = estimates[n].LogScale;
            objective[i] = estimates[n].LogPartition
                - Enumerable.Range(0, pairs.Candidates).Where(j => pairs.Kinds[i, j] == PairKind.Positive).Average(j => values[i, j]);
        }

        var terms = new double[pairs.Anchors, pairs.Candidates];
        foreach (var i in shown)
        {
            var positives = pairs.Positives(i);
            for (var j = 0; j < pairs.Candidates; j++)
            {
                if (pairs.Kinds[i, j] == PairKind.Excluded) continue;
                terms[i, j] = Math.Exp(values[i, j] + logWeights[i] + (pairs.IsKnown(i, j, sampling) ? 0 : logScale[i]));
                if (pairs.Kinds[i, j] == PairKind.Positive) terms[i, j] += 1.0 / positives;
            }
        }
        var perAnchor = Reference.Augmented(s, pairs, logWeights, logScale, sampling).masked_fill(tensor(complete).logical_not(), Scalars.Zero);
        return new ReferenceDirection(perAnchor, objective, complete, terms);
    }
}

/// <summary>A loss as its documentation reads, with state of its own. Features are float64 and have leaves of their own.</summary>
internal sealed class ReferenceLoss(Combination combination, Generator? generator)
{
    private readonly ReferenceEstimator? _estimator = combination.CreateReferenceEstimator(reverse: false);
    private readonly ReferenceEstimator? _reverse = combination.CreateReferenceEstimator(reverse: true);

    public ReferenceEstimator? Estimator => _estimator;

    public ReferenceEstimator? Reverse => _reverse;

    /// <summary>One step: the directions, and what is to happen to the state when it is taken.</summary>
    /// <param name="a">(N, D); with two views the rows of both.</param>
    /// <param name="b">(M, D); with two views the same.</param>
    /// <param name="temperature">τ.</param>
    /// <param name="pairs">Which pair is what.</param>
    /// <param name="ids">The anchors' samples.</param>
    /// <param name="candidateIds">The candidates' samples.</param>
    public (ReferenceDirection Forward, ReferenceDirection? Backward, Action Commit) Step(
        Tensor a, Tensor b, Tensor temperature, PairCase pairs, long[]? ids, long[]? candidateIds)
    {
        var c = combination;
        var s = Reference.Similarities(a, b, temperature, c.Similarity, pairs.Bias);
        var symmetric = c.Mode == ContrastMode.Symmetric;
        if (c.Loss == CombinedLoss.InfoNCE)
        {
            var other = symmetric ? ReferenceDirection.InfoNCE(s.t(), pairs.Transpose(), c.PositiveSum) : null;
            return (ReferenceDirection.InfoNCE(s, pairs, c.PositiveSum), other, Nothing);
        }

        var (anchors, candidates) = (Reference.Rows(a.detach(), c.Similarity), Reference.Rows(b.detach(), c.Similarity));
        var forward = Direction(s, pairs, _estimator!, anchors, ids);
        var backward = symmetric ? Direction(s.t(), pairs.Transpose(), _reverse!, candidates, candidateIds) : null;
        return (forward, backward, Commit);

        static void Nothing()
        {
        }

        void Commit()
        {
            _estimator!.Commit();
            _estimator.Observe(Jagged(candidates), candidateIds);
            if (!symmetric) return;
            _reverse!.Commit();
            _reverse.Observe(Jagged(anchors), ids);
        }

        ReferenceDirection Direction(Tensor similarities, PairCase map, ReferenceEstimator estimator, Tensor rows, long[]? samples)
            => ReferenceDirection.Gamma(
                similarities, map, estimator, Jagged(rows / temperature.detach()), samples, c.PositiveSampling,
                c.EStep == EStep.Sampled ? generator : null, c.DType);
    }

    public static double[][] Jagged(Tensor rows)
    {
        var values = Reference.Values(rows);
        return [.. Enumerable.Range(0, values.GetLength(0)).Select(i
            => Enumerable.Range(0, values.GetLength(1)).Select(j => values[i, j]).ToArray())];
    }
}
