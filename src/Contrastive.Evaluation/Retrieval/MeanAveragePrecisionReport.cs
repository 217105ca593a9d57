namespace Contrastive.Evaluation;

/// <summary>The mean average precision, and over how many queries. Made by <see cref="MeanAveragePrecision"/>.</summary>
public sealed record MeanAveragePrecisionReport
{
    internal MeanAveragePrecisionReport(double value, long queries, long skipped)
    {
        Value = value;
        Queries = queries;
        Skipped = skipped;
    }

    /// <summary>The mean of the queries' average precision, in (0, 1].</summary>
    public double Value { get; }

    /// <summary>The queries that count: those with at least one relevant candidate.</summary>
    public long Queries { get; }

    /// <summary>The queries left out because no candidate has their label.</summary>
    public long Skipped { get; }
}
