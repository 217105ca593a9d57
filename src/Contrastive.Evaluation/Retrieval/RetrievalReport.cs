using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>Retrieval in both directions, and the averages of the two. Made by <see cref="Retrieval"/>.</summary>
public sealed class RetrievalReport
{
    internal RetrievalReport(RetrievalScores leftToRight, RetrievalScores rightToLeft)
    {
        LeftToRight = leftToRight;
        RightToLeft = rightToLeft;
    }

    /// <summary>Each left row a query among all right rows.</summary>
    public RetrievalScores LeftToRight { get; }

    /// <summary>Each right row a query among all left rows.</summary>
    public RetrievalScores RightToLeft { get; }

    /// <summary>Recall@k by k, the average of both directions, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> RecallAt
        => LeftToRight.RecallAt.ToImmutableSortedDictionary(at => at.Key, at => (at.Value + RightToLeft.RecallAt[at.Key]) / 2);

    /// <summary>The mean reciprocal rank, the average of both directions, in (0, 1].</summary>
    public double MeanReciprocalRank => (LeftToRight.MeanReciprocalRank + RightToLeft.MeanReciprocalRank) / 2;

    /// <summary>The average of the two mean ranks.</summary>
    public double MeanRank => (LeftToRight.MeanRank + RightToLeft.MeanRank) / 2;

    /// <summary>The average of the two median ranks.</summary>
    public double MedianRank => (LeftToRight.MedianRank + RightToLeft.MedianRank) / 2;

    /// <summary>The averages on one line; each direction prints its own.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => RetrievalScores.Line(RecallAt, MeanReciprocalRank, MeanRank, MedianRank);
}
