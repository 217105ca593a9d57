using System.Globalization;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Bootstrap confidence intervals of figures over items (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993,
/// §13-14): the figure is computed again from many samples of the items, drawn with replacement.
/// </summary>
/// <remarks>
/// It says how the figure would vary with other items of the same kind, not with other seeds of training.
/// Items that belong together (the captions of one picture, the frames of one video) are not independent: give them the same
/// cluster, and whole clusters are drawn. The cost is resamples · items random numbers.
/// </remarks>
public static class Bootstrap
{
    private const int DefaultResamples = 10_000;

    /// <summary>The mean of a score over the items, such as an accuracy or recall@k from hits.</summary>
    /// <param name="scores">One score an item, at least 2, finite.</param>
    /// <param name="clusters">The cluster of each item, any integers, at least 2 different; by default each its own.</param>
    /// <param name="resamples">How many samples to draw, at least 1; a thousand and more for an interval.</param>
    /// <param name="level">The probability that the interval covers the true value. Range: 0 &lt; level &lt; 1.</param>
    /// <param name="method">How the interval is read off the resamples.</param>
    /// <param name="generator">The source of randomness, such as <c>new torch.Generator(seed)</c>; by default PyTorch's.</param>
    /// <returns>The mean and its interval.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="scores"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 scores or clusters, not as many of one as of the other, or a score is NaN or infinite.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    /// <example>
    /// <code>
    /// using var generator = new torch.Generator(1);
    /// var report = Retrieval.Evaluate(images, texts);
    /// var recall = Bootstrap.Mean(report.LeftToRight.HitsAt(1), generator: generator);
    /// Console.WriteLine($"R@1 {recall.Estimate:F3} {recall.Interval}");
    /// </code>
    /// </example>
    public static BootstrapReport Mean(
        IReadOnlyList<double> scores,
        IReadOnlyList<long>? clusters = null,
        int resamples = DefaultResamples,
        double level = 0.95,
        BootstrapMethod method = BootstrapMethod.BiasCorrected,
        Generator? generator = null)
        => Resampling.Mean(Scores.Check(scores, 2), Resampling.Groups(scores.Count, clusters)).Run(resamples, level, method, generator);

    /// <summary>The mean difference of two systems on the same items: of scores paired by item.</summary>
    /// <param name="values">The scores of one system, at least 2, finite.</param>
    /// <param name="baseline">The scores of the other, of the same items in the same order.</param>
    /// <param name="clusters">The cluster of each item, any integers, at least 2 different; by default each its own.</param>
    /// <param name="resamples">How many samples to draw, at least 1; a thousand and more for an interval.</param>
    /// <param name="level">The probability that the interval covers the true value. Range: 0 &lt; level &lt; 1.</param>
    /// <param name="method">How the interval is read off the resamples.</param>
    /// <param name="generator">The source of randomness, such as <c>new torch.Generator(seed)</c>; by default PyTorch's.</param>
    /// <returns>The mean of values less baseline, and its interval.</returns>
    /// <exception cref="ArgumentNullException">A list of scores is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 scores or clusters, not as many of one list as of another, or a score is NaN or infinite.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    public static BootstrapReport MeanDifference(
        IReadOnlyList<double> values,
        IReadOnlyList<double> baseline,
        IReadOnlyList<long>? clusters = null,
        int resamples = DefaultResamples,
        double level = 0.95,
        BootstrapMethod method = BootstrapMethod.BiasCorrected,
        Generator? generator = null)
        => Resampling.Mean(Scores.Pair(values, baseline, 2).Differences, Resampling.Groups(values.Count, clusters))
            .Run(resamples, level, method, generator);

    /// <summary>Any statistic of the items: a median rank, a ratio, the difference of two systems.</summary>
    /// <param name="items">How many items, at least 2.</param>
    /// <param name="statistic">
    /// The statistic of some items, given their numbers from 0 to items - 1: with repetitions in a resample, each once for the
    /// estimate, all but one for <see cref="BootstrapMethod.BiasCorrected"/>, which so needs items evaluations more. The list is
    /// only good during the call.
    /// </param>
    /// <param name="clusters">The cluster of each item, any integers, at least 2 different; by default each its own.</param>
    /// <param name="resamples">How many samples to draw, at least 1; a thousand and more for an interval.</param>
    /// <param name="level">The probability that the interval covers the true value. Range: 0 &lt; level &lt; 1.</param>
    /// <param name="method">How the interval is read off the resamples.</param>
    /// <param name="generator">The source of randomness, such as <c>new torch.Generator(seed)</c>; by default PyTorch's.</param>
    /// <returns>The statistic and its interval.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="statistic"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// There is not one cluster for each item or only one in all, or the statistic is NaN or infinite.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    /// <example>
    /// <code>
    /// var ranks = Retrieval.Evaluate(images, texts).LeftToRight.Ranks;
    /// var median = Bootstrap.Statistic(ranks.Length, rows => rows.Select(row => ranks[row]).Order().ElementAt(rows.Count / 2));
    /// </code>
    /// </example>
    public static BootstrapReport Statistic(
        int items,
        Func<IReadOnlyList<int>, double> statistic,
        IReadOnlyList<long>? clusters = null,
        int resamples = DefaultResamples,
        double level = 0.95,
        BootstrapMethod method = BootstrapMethod.BiasCorrected,
        Generator? generator = null)
    {
        Guard.AtLeast(items, 2);
        ArgumentNullException.ThrowIfNull(statistic);
        double Finite(IReadOnlyList<int> drawn)
        {
            double value = statistic(drawn);
            return double.IsFinite(value)
                ? value
                : throw new ArgumentException($"statistic must be finite but is {value} of {drawn.Count} items", nameof(statistic));
        }

        return Resampling.Statistic(Finite, Resampling.Groups(items, clusters)).Run(resamples, level, method, generator);
    }
}

/// <summary>How a bootstrap interval is read off the resamples.</summary>
public enum BootstrapMethod
{
    /// <summary>
    /// BCa, bias-corrected and accelerated: the quantiles are moved for the bias and the skewness of the statistic (B. Efron,
    /// "Better Bootstrap Confidence Intervals", JASA 82, 1987). Needs the statistic once more without each item.
    /// </summary>
    BiasCorrected,

    /// <summary>The quantiles of the resamples themselves.</summary>
    Percentile,
}

/// <summary>A statistic with its bootstrap interval. Made by <see cref="Bootstrap"/>.</summary>
public sealed record BootstrapReport
{
    internal BootstrapReport(double estimate, double standardError, ConfidenceInterval interval, int resamples)
    {
        Estimate = estimate;
        StandardError = standardError;
        Interval = interval;
        Resamples = resamples;
    }

    /// <summary>The statistic of the items as they are.</summary>
    public double Estimate { get; }

    /// <summary>The standard deviation of the statistic over the resamples.</summary>
    public double StandardError { get; }

    /// <summary>The interval.</summary>
    public ConfidenceInterval Interval { get; }

    /// <summary>How many resamples were drawn.</summary>
    public int Resamples { get; }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Estimate:G4} in {Interval} ({Interval.Level:P0})");
}

/// <summary>An interval that covers the true value with a given probability.</summary>
/// <param name="Lower">Its lower end.</param>
/// <param name="Upper">Its upper end.</param>
/// <param name="Level">The probability, such as 0.95.</param>
public readonly record struct ConfidenceInterval(double Lower, double Upper, double Level)
{
    /// <summary>Whether a value lies in the interval, its ends included.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False where an end is NaN.</returns>
    public bool Contains(double value) => value >= Lower && value <= Upper;

    /// <summary>The interval, as "[lower, upper]".</summary>
    /// <returns>The text, in the invariant culture.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"[{Lower:G4}, {Upper:G4}]");
}
