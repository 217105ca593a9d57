using System.Collections.Immutable;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Mean average precision of retrieval by label: a candidate is relevant to a query when their labels are equal.
/// </summary>
/// <remarks>
/// The average precision of one query is the mean, over its relevant candidates p, of the precision among all candidates
/// that score at least as high as p. Tied candidates thus form one block, and its precision is that at the block's end, as
/// in scikit-learn's <c>average_precision_score</c>: Σ_n (R_n - R_(n-1)) P_n over the distinct scores. Scores that differ by
/// no more than the rounding error of a dot product, (D/2 + 4) ε ‖x‖ ‖y‖, count as tied.
/// </remarks>
public static class MeanAveragePrecision
{
    /// <summary>Queries against candidates of another set.</summary>
    /// <param name="queries">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="queryLabels">Integer labels of shape <c>(N)</c>.</param>
    /// <param name="candidates">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="candidateLabels">Integer labels of shape <c>(M)</c>.</param>
    /// <param name="normalize">True: rank by cosine; a zero row scores 0 with everything. False: by dot product.</param>
    /// <param name="chunkSize">
    /// Queries scored at once, at least 1; the memory needed beyond the features is about 120 · chunkSize · M bytes in float32.
    /// Left out: as many as fit into 128 MiB. The result does not depend on it.
    /// </param>
    /// <returns>The mean over all queries with at least one relevant candidate.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, a matrix has no rows, the features hold NaN or infinity, or no query
    /// has any relevant candidate.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="chunkSize"/> is below 1.</exception>
    public static MeanAveragePrecisionReport Evaluate(
        Tensor queries,
        Tensor queryLabels,
        Tensor candidates,
        Tensor candidateLabels,
        bool normalize = true,
        long? chunkSize = null)
    {
        Checks.LabelledSets(queries, queryLabels, 1, candidates, candidateLabels);
        Checks.Chunk(chunkSize);
        Checks.Finite(queries);
        Checks.Finite(candidates);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Mean(
            FeatureRows.PrepareForRanking(queries, normalize),
            queryLabels.to_type(ScalarType.Int64),
            FeatureRows.PrepareForRanking(candidates, normalize),
            candidateLabels.to_type(ScalarType.Int64),
            excludeSelf: false,
            chunkSize,
            nameof(candidateLabels));
    }

    /// <summary>Every row against all other rows of the same set; a row is no candidate for itself.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 2. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="labels">Integer labels of shape <c>(N)</c>.</param>
    /// <param name="normalize">True: rank by cosine; a zero row scores 0 with everything. False: by dot product.</param>
    /// <param name="chunkSize">
    /// Queries scored at once, at least 1; the memory needed beyond the features is about 120 · chunkSize · N bytes in float32.
    /// Left out: as many as fit into 128 MiB. The result does not depend on it.
    /// </param>
    /// <returns>The mean over all rows that share their label with another row.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, there are fewer than 2 rows, the features hold NaN or infinity, or no
    /// two rows share a label.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="chunkSize"/> is below 1.</exception>
    public static MeanAveragePrecisionReport Evaluate(
        Tensor features, Tensor labels, bool normalize = true, long? chunkSize = null)
    {
        Guard.Features(features);
        Checks.LabelledRows(features, labels, 2);
        Checks.Chunk(chunkSize);
        Checks.Finite(features);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = FeatureRows.PrepareForRanking(features, normalize);
        var classes = labels.to_type(ScalarType.Int64);
        return Mean(rows, classes, rows, classes, excludeSelf: true, chunkSize, nameof(labels));
    }

    private static MeanAveragePrecisionReport Mean(
        Tensor queries,
        Tensor queryLabels,
        Tensor candidates,
        Tensor candidateLabels,
        bool excludeSelf,
        long? chunkSize,
        string labelsName)
    {
        var averagePrecisions = ImmutableArray.CreateBuilder<double>();
        long total = queries.shape[0];
        double rounding = FeatureRows.Rounding(candidates);
        var queryTolerance = FeatureRows.Lengths(queries).Times(rounding);
        var candidateLengths = FeatureRows.Lengths(candidates);
        foreach (var (start, length) in Runs.Of(total, Chunks.Size(chunkSize, candidates.shape[0], elements: 1 << 20)))
        {
            using var tile = NewDisposeScope();
            var scores = queries.narrow(0, start, length).matmul(candidates.t());              // (length, M)
            var relevant = queryLabels.narrow(0, start, length).unsqueeze(1).eq(candidateLabels);
            if (excludeSelf)
            {
                scores.diagonal(start).fill_(Scalars.NegativeInfinity);
                relevant.diagonal(start).fill_(Scalars.Zero);
            }

            var (ascending, order) = scores.sort(dim: 1);
            var tolerance = queryTolerance.narrow(0, start, length).unsqueeze(1)
                * candidateLengths.expand(length, -1).gather(1, order);
            var sortedRelevant = relevant.gather(1, order);
            double[] precisions = FeatureRows.Doubles(AveragePrecision(ascending, ascending - tolerance, sortedRelevant));
            averagePrecisions.AddRange(precisions.Where(precision => precision > 0));              // 0: nothing is relevant
        }

        if (averagePrecisions.Count == 0)
            throw new ArgumentException($"{labelsName} give none of the {total} queries a relevant candidate", labelsName);
        return new MeanAveragePrecisionReport(averagePrecisions.ToImmutable(), total - averagePrecisions.Count);
    }

    /// <summary>The average precision of each row, 0 where nothing is relevant; of shape (length).</summary>
    private static Tensor AveragePrecision(Tensor ascending, Tensor threshold, Tensor relevant)
    {
        long count = ascending.shape[1];
        // Where the candidates at or above each threshold begin, in ascending order.
        var first = searchsorted(ascending, threshold, out_int32: false, right: false, sorter: null!);
        var relevantSoFar = relevant.cumsum(1, ScalarType.Int64);
        var all = relevantSoFar.narrow(1, count - 1, 1);                                      // (length, 1)
        var before = relevantSoFar.gather(1, first) - relevant.gather(1, first).to_type(ScalarType.Int64);
        using var end = count.ToScalar();
        var retrieved = first.neg().add(end, Scalars.OneIndex);
        var precision = (all - before).to_type(threshold.dtype) / retrieved.to_type(threshold.dtype);
        var weight = relevant.to_type(threshold.dtype) / all.clamp_min(Scalars.OneIndex);
        return (precision * weight).sum(dim: 1);
    }
}
