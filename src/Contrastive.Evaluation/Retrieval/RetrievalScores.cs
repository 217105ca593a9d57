using System.Collections.Immutable;
using System.Globalization;

namespace Contrastive.Evaluation;

/// <summary>How well the true match was found in one direction. Made by <see cref="Retrieval"/>.</summary>
public sealed record RetrievalScores
{
    internal RetrievalScores(
        ImmutableArray<double> ranks,
        ImmutableSortedDictionary<int, double> recallAt,
        double meanReciprocalRank,
        double meanRank,
        double medianRank)
    {
        Ranks = ranks;
        RecallAt = recallAt;
        MeanReciprocalRank = meanReciprocalRank;
        MeanRank = meanRank;
        MedianRank = medianRank;
    }

    /// <summary>The rank of each query's true match, from 1 to N; an expected rank, not always whole, where scores tie.</summary>
    public ImmutableArray<double> Ranks { get; }

    /// <summary>Recall@k by k: the share of queries whose true match is among the first k, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> RecallAt { get; }

    /// <summary>The mean of 1/rank, in (0, 1].</summary>
    public double MeanReciprocalRank { get; }

    /// <summary>The mean of <see cref="Ranks"/>, in [1, N].</summary>
    public double MeanRank { get; }

    /// <summary>The median of <see cref="Ranks"/>, in [1, N]; for an even number of queries the mean of the middle two.</summary>
    public double MedianRank { get; }

    /// <summary>All figures but the single ranks, on one line.</summary>
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
