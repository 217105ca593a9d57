using System.Collections.Immutable;
using System.Globalization;
using Contrastive.Numerics;
using MathNet.Numerics.Statistics;

namespace Contrastive.Evaluation;

/// <summary>
/// How well queries find what is relevant to them, in one direction. Made by <see cref="Retrieval"/>. Every measure is there for each query
/// too, in the order of <see cref="Rows"/>; its mean over them is the figure.
/// </summary>
/// <remarks>
/// R is the number of a query's relevant candidates, P(i) the share of relevant ones among the first i. Where scores tie, each figure is the
/// expected value under a random order of what ties. Named as in torchmetrics and pytorch-metric-learning:
/// <list type="bullet">
/// <item><see cref="HitRateAt"/>: torchmetrics' <c>RetrievalHitRate</c>, and what papers on images and captions call R@k;</item>
/// <item><see cref="RecallAt"/>: <c>RetrievalRecall</c>; <see cref="PrecisionAt"/>: <c>RetrievalPrecision</c>, at 1
/// <c>precision_at_1</c>;</item>
/// <item><see cref="MeanReciprocalRank"/>: <c>RetrievalMRR</c>, <c>mean_reciprocal_rank</c>;</item>
/// <item><see cref="MeanAveragePrecision"/>: <c>RetrievalMAP</c>, <c>mean_average_precision</c>;</item>
/// <item><see cref="MeanAveragePrecisionAtR"/>: <c>mean_average_precision_at_r</c>;</item>
/// <item><see cref="RPrecision"/>: <c>RetrievalRPrecision</c>, <c>r_precision</c>;</item>
/// <item><see cref="NdcgAt"/>, <see cref="Ndcg"/>: <c>RetrievalNormalizedDCG</c>, with the grade itself as gain.</item>
/// </list>
/// </remarks>
public sealed class RankingReport
{
    private readonly FirstMatch[] _first;

    internal RankingReport(FirstMatch[] first) => _first = first;

    /// <summary>The rows of the queries that count: those with at least one relevant candidate; ascending.</summary>
    public ImmutableArray<int> Rows { get; internal init; }

    /// <summary>The rows of the queries skipped because nothing is relevant to them; ascending.</summary>
    public ImmutableArray<int> SkippedRows { get; internal init; }

    /// <summary>How many queries count.</summary>
    public int Queries => Rows.Length;

    /// <summary>How many queries were skipped.</summary>
    public int Skipped => SkippedRows.Length;

    /// <summary>The share of queries with a relevant candidate among the first k, by k, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> HitRateAt => HitsOf.Means();

    /// <summary>The mean share of the relevant candidates that are among the first k, by k, in [0, 1]; with a single one, the hit rate.</summary>
    public ImmutableSortedDictionary<int, double> RecallAt => RecallOf.Means();

    /// <summary>The mean of P(k), by k, in [0, 1]; where there are fewer candidates than k, the missing ones are not relevant.</summary>
    public ImmutableSortedDictionary<int, double> PrecisionAt => PrecisionOf.Means();

    /// <summary>
    /// The normalised discounted cumulative gain of the first k, by k, in [0, 1]: Σ_i grade_i / log₂(i + 1) over that of the best order
    /// (K. Järvelin and J. Kekäläinen, ACM TOIS 20, 2002).
    /// </summary>
    public ImmutableSortedDictionary<int, double> NdcgAt => NdcgOf.Means();

    /// <summary>The same of all candidates.</summary>
    public double Ndcg => NdcgOfQueries.Average();

    /// <summary>The mean of 1/rank of the first relevant candidate, in (0, 1].</summary>
    public double MeanReciprocalRank => ReciprocalRanks.Average();

    /// <summary>The mean of <see cref="Ranks"/>.</summary>
    public double MeanRank => Ranks.Average();

    /// <summary>The median of <see cref="Ranks"/>; for an even number of queries the mean of the middle two.</summary>
    public double MedianRank => Ranks.Median();

    /// <summary>The mean of P(R), in [0, 1].</summary>
    public double RPrecision => RPrecisions.Average();

    /// <summary>The mean over queries of their average precision: the mean over a query's relevant candidates of P at each; in (0, 1].</summary>
    public double MeanAveragePrecision => AveragePrecisions.Average();

    /// <summary>
    /// The mean over queries of 1/R Σ_(i ≤ R) P(i) [i-th is relevant], in [0, 1] (K. Musgrave, S. Belongie and S. Lim, "A Metric Learning
    /// Reality Check", ECCV 2020, §3.2).
    /// </summary>
    public double MeanAveragePrecisionAtR => AveragePrecisionsAtR.Average();

    /// <summary>The rank of each query's best relevant candidate, from 1; an expected rank, not always whole, where scores tie.</summary>
    public ImmutableArray<double> Ranks { get; internal init; }

    /// <summary>1/rank of each query.</summary>
    public ImmutableArray<double> ReciprocalRanks { get; internal init; }

    /// <summary>P(R) of each query.</summary>
    public ImmutableArray<double> RPrecisions { get; internal init; }

    /// <summary>The average precision of each query.</summary>
    public ImmutableArray<double> AveragePrecisions { get; internal init; }

    /// <summary>The average precision at R of each query.</summary>
    public ImmutableArray<double> AveragePrecisionsAtR { get; internal init; }

    /// <summary>The normalised discounted cumulative gain of each query, of all candidates.</summary>
    public ImmutableArray<double> NdcgOfQueries { get; internal init; }

    internal ByCutoff HitsOf { get; init; } = null!;

    internal ByCutoff RecallOf { get; init; } = null!;

    internal ByCutoff PrecisionOf { get; init; } = null!;

    internal ByCutoff NdcgOf { get; init; } = null!;

    /// <summary>
    /// Whether each query has a relevant candidate among its first k: 1 or 0, or the chance of it where scores tie. They are what
    /// <see cref="Bootstrap"/> and the paired tests take.
    /// </summary>
    /// <param name="k">How many candidates count, at least 1; any, not only those asked for.</param>
    /// <returns>A number in [0, 1] for each query.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="k"/> is below 1.</exception>
    public ImmutableArray<double> HitsAt(int k)
    {
        Guard.AtLeast(k, 1);
        return [.. _first.Select(match => match.Hit(k))];
    }

    /// <summary>The share of each query's relevant candidates that are among the first k.</summary>
    /// <param name="k">One of the k asked for.</param>
    /// <returns>A number in [0, 1] for each query.</returns>
    /// <exception cref="ArgumentException"><paramref name="k"/> was not asked for.</exception>
    public ImmutableArray<double> RecallsAt(int k) => RecallOf[k];

    /// <summary>P(k) of each query.</summary>
    /// <param name="k">One of the k asked for.</param>
    /// <returns>A number in [0, 1] for each query.</returns>
    /// <exception cref="ArgumentException"><paramref name="k"/> was not asked for.</exception>
    public ImmutableArray<double> PrecisionsAt(int k) => PrecisionOf[k];

    /// <summary>The normalised discounted cumulative gain of each query's first k.</summary>
    /// <param name="k">One of the k asked for.</param>
    /// <returns>A number in [0, 1] for each query.</returns>
    /// <exception cref="ArgumentException"><paramref name="k"/> was not asked for.</exception>
    public ImmutableArray<double> NdcgsAt(int k) => NdcgOf[k];

    /// <summary>Hit rates, mean average precision and ranks on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString()
    {
        string skipped = Skipped == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {Skipped} skipped");
        return Line(HitRateAt, MeanReciprocalRank, MeanAveragePrecision, MeanRank, MedianRank) + skipped;
    }

    internal static string Line(
        ImmutableSortedDictionary<int, double> hitRateAt, double reciprocal, double precision, double mean, double median)
    {
        string hits = string.Concat(
            hitRateAt.Select(at => string.Create(CultureInfo.InvariantCulture, $"R@{at.Key} {at.Value:F4}, ")));
        return string.Create(
            CultureInfo.InvariantCulture, $"{hits}MRR {reciprocal:F4}, mAP {precision:F4}, mean rank {mean:F1}, median rank {median:F1}");
    }
}

/// <summary>A measure of each query, for each k asked for.</summary>
internal sealed class ByCutoff(IReadOnlyDictionary<int, ImmutableArray<double>> values)
{
    public ImmutableArray<double> this[int k] => values.TryGetValue(k, out var each)
        ? each
        : throw new ArgumentException($"k must be one of those asked for, {string.Join(", ", values.Keys.Order())}, but is {k}", nameof(k));

    public ImmutableSortedDictionary<int, double> Means()
        => values.ToImmutableSortedDictionary(at => at.Key, at => at.Value.Average());
}

/// <summary>Retrieval in both directions, and the averages of the two. Made by <see cref="Retrieval"/>.</summary>
public sealed class RetrievalReport
{
    internal RetrievalReport(RankingReport leftToRight, RankingReport rightToLeft)
        => (LeftToRight, RightToLeft) = (leftToRight, rightToLeft);

    /// <summary>Each left row is a query among all right rows.</summary>
    public RankingReport LeftToRight { get; }

    /// <summary>Each right row is a query among all left rows.</summary>
    public RankingReport RightToLeft { get; }

    /// <summary>The hit rate by k, the average of both directions, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> HitRateAt => Mean(report => report.HitRateAt);

    /// <summary>Recall@k by k, the average of both directions, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> RecallAt => Mean(report => report.RecallAt);

    /// <summary>The mean reciprocal rank, the average of both directions, in (0, 1].</summary>
    public double MeanReciprocalRank => (LeftToRight.MeanReciprocalRank + RightToLeft.MeanReciprocalRank) / 2;

    /// <summary>The mean average precision, the average of both directions, in (0, 1].</summary>
    public double MeanAveragePrecision => (LeftToRight.MeanAveragePrecision + RightToLeft.MeanAveragePrecision) / 2;

    /// <summary>The average of the two mean ranks.</summary>
    public double MeanRank => (LeftToRight.MeanRank + RightToLeft.MeanRank) / 2;

    /// <summary>The average of the two median ranks.</summary>
    public double MedianRank => (LeftToRight.MedianRank + RightToLeft.MedianRank) / 2;

    /// <summary>The averages on one line; each direction prints its own.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString()
        => RankingReport.Line(HitRateAt, MeanReciprocalRank, MeanAveragePrecision, MeanRank, MedianRank);

    private ImmutableSortedDictionary<int, double> Mean(Func<RankingReport, ImmutableSortedDictionary<int, double>> of)
    {
        var other = of(RightToLeft);
        return of(LeftToRight).ToImmutableSortedDictionary(at => at.Key, at => (at.Value + other[at.Key]) / 2);
    }
}
