using System.Collections.Immutable;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Mean average precision of retrieval by label: a candidate is relevant to a query when their labels are equal.
/// </summary>
/// <remarks>
/// The average precision of one query is the mean, over its relevant candidates p, of the precision at p: the share of relevant
/// ones among p and all that come before it. Ties count as the expected value under a random order of the tied candidates: where
/// g candidates score higher than p, r of them relevant, and t others score the same, s of them relevant, the expected
/// precision is s/t + (r + 1 - (g + 1) s/t) (H_(g+t+1) - H_g)/(t + 1), H_n the n-th harmonic number. (scikit-learn's
/// <c>average_precision_score</c> takes the precision at the end of the tied block instead.) "The same" means up to what
/// rounding of the features can do, 2 ε ‖x‖ ‖y‖: scores are worked out in float64.
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
    /// Queries scored at once, at least 1; the memory needed beyond the features is about 200 · chunkSize · M bytes.
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
            ScoredRows.ForRanking(queries, normalize),
            queryLabels.to_type(ScalarType.Int64),
            ScoredRows.ForRanking(candidates, normalize),
            candidateLabels.to_type(ScalarType.Int64),
            excludeSelf: false,
            normalize,
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
    /// Queries scored at once, at least 1; the memory needed beyond the features is about 200 · chunkSize · N bytes.
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
        var rows = ScoredRows.ForRanking(features, normalize);
        var classes = labels.to_type(ScalarType.Int64);
        return Mean(rows, classes, rows, classes, excludeSelf: true, normalize, chunkSize, nameof(labels));
    }

    private static MeanAveragePrecisionReport Mean(
        ScoredRows queries,
        Tensor queryLabels,
        ScoredRows candidates,
        Tensor candidateLabels,
        bool excludeSelf,
        bool normalize,
        long? chunkSize,
        string labelsName)
    {
        var averagePrecisions = ImmutableArray.CreateBuilder<double>();
        var (total, count) = (queries.Count, candidates.Count);
        var harmonic = Harmonic(count);
        double tie = FeatureRows.TieTolerance(candidates.Rows);
        var (queryLengths, candidateLengths) = (FeatureRows.Exact(queries.Lengths), FeatureRows.Exact(candidates.Lengths));
        foreach (var (start, length) in Runs.Of(total, Chunks.Size(chunkSize, count, elements: 1 << 19)))
        {
            using var tile = NewDisposeScope();
            var scores = ScoredRows.Tile(queries, (start, length), candidates, (0, count));    // (length, M)
            var relevant = queryLabels.narrow(0, start, length).unsqueeze(1).eq(candidateLabels);
            if (excludeSelf)
            {
                scores.diagonal(start).fill_(Scalars.NegativeInfinity);
                relevant.diagonal(start).fill_(Scalars.Zero);
            }

            // Half of how far apart two tied scores may be: the part of each candidate.
            var slack = queryLengths.narrow(0, start, length).unsqueeze(1).mul(candidateLengths).Times(tie / 2);
            double[] precisions = FeatureRows.Doubles(
                AveragePrecision(scores, slack, normalize, relevant.to(scores.device), harmonic.to(scores.device)));
            averagePrecisions.AddRange(precisions.Where(precision => precision > 0));              // 0: nothing is relevant
        }

        if (averagePrecisions.Count == 0)
            throw new ArgumentException($"{labelsName} give none of the {total} queries a relevant candidate", labelsName);
        return new MeanAveragePrecisionReport(averagePrecisions.ToImmutable(), total - averagePrecisions.Count);
    }

    /// <summary>H_0, …, H_(count), (count + 1) float64.</summary>
    private static Tensor Harmonic(long count)
    {
        using var scope = NewDisposeScope();
        var terms = TensorArithmetic.Range(0, count + 1, CPU).to_type(ScalarType.Float64).reciprocal();
        terms.narrow(0, 0, 1).fill_(Scalars.Zero);
        return terms.cumsum(0).MoveToOuterDisposeScope();
    }

    /// <summary>The expected average precision of each row, 0 where nothing is relevant; of shape (length).</summary>
    private static Tensor AveragePrecision(Tensor scores, Tensor slack, bool sameSlack, Tensor relevant, Tensor harmonic)
    {
        // All in the order of the least that each score may be. Of each candidate: those above it, whose least is more than the
        // most it may be, and those above or beside it, whose most is at least its least.
        var (least, order) = (scores - slack).sort(dim: 1);
        var relevantByLeast = relevant.gather(1, order);
        var most = scores.Plus(slack).gather(1, order);
        var (above, relevantAbove) = CountFrom(least, relevantByLeast, most, orEqual: false);
        var (mostAscending, relevantByMost) = (most, relevantByLeast);
        if (!sameSlack)
        {
            (mostAscending, var orderByMost) = scores.Plus(slack).sort(dim: 1);
            relevantByMost = relevant.gather(1, orderByMost);
        }

        var (atLeast, relevantAtLeast) = CountFrom(mostAscending, relevantByMost, least, orEqual: true);
        var tied = (atLeast - above).to_type(ScalarType.Float64);                              // t + 1
        var share = (relevantAtLeast - relevantAbove).to_type(ScalarType.Float64).Plus(-1)
            / tied.Plus(-1).clamp_min(Scalars.One);                                            // s/t
        var first = relevantAbove.to_type(ScalarType.Float64).Plus(1) - share.mul(above.to_type(ScalarType.Float64).Plus(1));
        var sums = Pick(harmonic, atLeast) - Pick(harmonic, above);                            // H_(g+t+1) - H_g
        var precision = share.Plus(first.mul(sums).div(tied));
        // What irrelevant candidates' figures would be says nothing.
        return precision.masked_fill(relevantByLeast.logical_not(), Scalars.Zero).sum(dim: 1)
            / relevantByLeast.sum(dim: 1).clamp_min(Scalars.OneIndex);

        static Tensor Pick(Tensor values, Tensor indices) => values.index_select(0, indices.view(-1)).view_as(indices);
    }

    /// <summary>How many of a row's values exceed each threshold (or are equal to it), and how many relevant ones.</summary>
    private static (Tensor All, Tensor Relevant) CountFrom(Tensor ascending, Tensor relevant, Tensor thresholds, bool orEqual)
    {
        long count = ascending.shape[1];
        var first = searchsorted(ascending, thresholds, out_int32: false, right: !orEqual, sorter: null!);
        var before = nn.functional.pad(relevant.cumsum(1, ScalarType.Int64), [1, 0]);          // (length, M + 1)
        using var end = count.ToScalar();
        return (first.neg().add(end, Scalars.OneIndex), before.narrow(1, count, 1) - before.gather(1, first));
    }
}
