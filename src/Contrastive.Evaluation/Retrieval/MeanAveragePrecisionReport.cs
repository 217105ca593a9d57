using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>The mean average precision, and over how many queries. Made by <see cref="MeanAveragePrecision"/>.</summary>
public sealed record MeanAveragePrecisionReport
{
    internal MeanAveragePrecisionReport(ImmutableArray<double> averagePrecisions, long skipped)
    {
        Value = averagePrecisions.Average();
        AveragePrecisions = averagePrecisions;
        Skipped = skipped;
    }

    /// <summary>
    /// The average precision of each query that counts, in (0, 1], in the order of the queries' rows, without those skipped.
    /// </summary>
    public ImmutableArray<double> AveragePrecisions { get; }

    /// <summary>The mean of the queries' average precision, in (0, 1].</summary>
    public double Value { get; }

    /// <summary>The queries that count: those with at least one relevant candidate.</summary>
    public long Queries => AveragePrecisions.Length;

    /// <summary>The queries left out because no candidate has their label.</summary>
    public long Skipped { get; }

    /// <summary>Whether another report has the same figures, query by query.</summary>
    /// <param name="other">The other report.</param>
    /// <returns>True if it has.</returns>
    public bool Equals(MeanAveragePrecisionReport? other)
        => other is not null && Skipped == other.Skipped && AveragePrecisions.SequenceEqual(other.AveragePrecisions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Value, Queries, Skipped);
}
