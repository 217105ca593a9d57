using System.Collections.Immutable;
using System.Globalization;

namespace Contrastive.Evaluation;

/// <summary>The mean average precision, and over how many queries. Made by <see cref="MeanAveragePrecision"/>.</summary>
public sealed class MeanAveragePrecisionReport
{
    internal MeanAveragePrecisionReport(ImmutableArray<double> averagePrecisions, long skipped)
    {
        Value = averagePrecisions.Average();
        AveragePrecisions = averagePrecisions;
        Skipped = skipped;
    }

    /// <summary>
    /// The average precision of each query that counts, in (0, 1], in the order of the queries' rows, without those skipped; an
    /// expected value where scores tie.
    /// </summary>
    public ImmutableArray<double> AveragePrecisions { get; }

    /// <summary>The mean of the queries' average precision, in (0, 1].</summary>
    public double Value { get; }

    /// <summary>The queries that count: those with at least one relevant candidate.</summary>
    public long Queries => AveragePrecisions.Length;

    /// <summary>The queries skipped because no candidate has their label.</summary>
    public long Skipped { get; }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"mAP {Value:F4} of {Queries} queries, {Skipped} skipped");
}
