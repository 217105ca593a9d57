using System.Collections.Immutable;
using System.Globalization;
using Contrastive.Numerics;
using MathNet.Numerics.Statistics;

namespace Contrastive.Evaluation;

/// <summary>How well the true match was found in one direction. Made by <see cref="Retrieval"/>.</summary>
public sealed class RetrievalScores
{
    private readonly MatchCounts _queries;

    internal RetrievalScores(MatchCounts queries, long skipped, int[] cutoffs)
    {
        _queries = queries;
        Skipped = skipped;
        Ranks = queries.Ranks;
        ReciprocalRanks = queries.ReciprocalRanks();
        RecallAt = cutoffs.ToImmutableSortedDictionary(k => k, queries.HitRate);
        MeanReciprocalRank = ReciprocalRanks.Average();
        MeanRank = Ranks.Average();
        MedianRank = Ranks.Median();
    }

    /// <summary>
    /// The rank of each query's best match, from 1 to the number of candidates; an expected rank, not always whole, where
    /// scores tie. In the order of the queries' rows, without those skipped.
    /// </summary>
    public ImmutableArray<double> Ranks { get; }

    /// <summary>1/rank of each query, in the order of <see cref="Ranks"/>; an expected value where scores tie.</summary>
    public ImmutableArray<double> ReciprocalRanks { get; }

    /// <summary>The queries skipped because no candidate belongs to them.</summary>
    public long Skipped { get; }

    /// <summary>Recall@k by k: the share of queries with a match among the first k, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> RecallAt { get; }

    /// <summary>The mean of <see cref="ReciprocalRanks"/>, in (0, 1].</summary>
    public double MeanReciprocalRank { get; }

    /// <summary>The mean of <see cref="Ranks"/>.</summary>
    public double MeanRank { get; }

    /// <summary>The median of <see cref="Ranks"/>; for an even number of queries the mean of the middle two.</summary>
    public double MedianRank { get; }

    /// <summary>
    /// Whether each query has a match among its first k candidates: 1 or 0, or the chance of it where scores tie. Their mean is
    /// recall@k; they are what <see cref="Bootstrap"/> and the paired tests take.
    /// </summary>
    /// <param name="k">How many candidates count, at least 1; any, not only those of <see cref="RecallAt"/>.</param>
    /// <returns>A number in [0, 1] for each query, in the order of <see cref="Ranks"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="k"/> is below 1.</exception>
    public ImmutableArray<double> HitsAt(int k)
    {
        Guard.AtLeast(k, 1);
        return _queries.Hits(k);
    }

    /// <summary>All figures but those of single queries, on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => Line(RecallAt, MeanReciprocalRank, MeanRank, MedianRank);

    internal static string Line(ImmutableSortedDictionary<int, double> recallAt, double reciprocal, double mean, double median)
    {
        string recall = string.Concat(
            recallAt.Select(at => string.Create(CultureInfo.InvariantCulture, $"R@{at.Key} {at.Value:F4}, ")));
        return string.Create(
            CultureInfo.InvariantCulture, $"{recall}MRR {reciprocal:F4}, mean rank {mean:F1}, median rank {median:F1}");
    }
}
