using System.Globalization;
using Contrastive.Numerics;
using MathNet.Numerics.Distributions;

namespace Contrastive.Evaluation;

/// <summary>
/// What one system gains over another when both ran on the same items, or the same seeds: the mean difference with Student's
/// interval, paired t test and effect size. Pairing removes what the item or the seed alone decides.
/// </summary>
/// <remarks>
/// The t test assumes that the mean of the differences is normally distributed: nearly always true of many items, an
/// assumption with few seeds. <see cref="SignedRankTest"/> and <see cref="SignFlipTest"/> do without it.
/// Where the differences do not vary, up to rounding, there is no t: statistic and p value are NaN.
/// </remarks>
public sealed record PairedDifference
{
    private PairedDifference(PairedScores scores, double level, Alternative alternative)
    {
        double[] differences = scores.Differences;
        Pairs = differences.Length;
        Won = differences.Count(difference => difference > 0);
        Lost = differences.Count(difference => difference < 0);
        Mean = Scores.Mean(differences);
        StandardDeviation = Vary(scores) || Pairs == 1 ? Scores.StandardDeviation(differences) : 0;
        StandardError = StandardDeviation / Math.Sqrt(Pairs);
        Statistic = StandardError > 0 ? Mean / StandardError : double.NaN;
        PValue = StandardError > 0 ? Probability(Statistic, DegreesOfFreedom, alternative) : double.NaN;
        EffectSize = StandardDeviation > 0 ? Mean / StandardDeviation : double.NaN;
        double reach = Pairs == 1 ? double.NaN : StudentT.InvCDF(0, 1, DegreesOfFreedom, (1 + level) / 2) * StandardError;
        Interval = new ConfidenceInterval(Mean - reach, Mean + reach, level);
    }

    /// <summary>How many pairs n.</summary>
    public int Pairs { get; }

    /// <summary>How many differences are above zero.</summary>
    public int Won { get; }

    /// <summary>How many differences are below zero.</summary>
    public int Lost { get; }

    /// <summary>The mean of the differences, values less baseline.</summary>
    public double Mean { get; }

    /// <summary>Of the differences, with n - 1 as divisor; NaN of a single pair.</summary>
    public double StandardDeviation { get; }

    /// <summary>Of the mean; NaN of a single pair.</summary>
    public double StandardError { get; }

    /// <summary>Student's interval of the mean difference, two-sided; NaN of a single pair.</summary>
    public ConfidenceInterval Interval { get; }

    /// <summary>Student's t, the mean over its standard error.</summary>
    public double Statistic { get; }

    /// <summary>n - 1.</summary>
    public int DegreesOfFreedom => Pairs - 1;

    /// <summary>The p value of the paired t test, in [0, 1].</summary>
    public double PValue { get; }

    /// <summary>
    /// Cohen's d of paired samples (d_z), the mean over the standard deviation of the differences; NaN where they do not vary.
    /// </summary>
    public double EffectSize { get; }

    /// <summary>Compares two systems.</summary>
    /// <param name="values">The scores of one, n ≥ 1, finite.</param>
    /// <param name="baseline">The scores of the other, of the same items in the same order.</param>
    /// <param name="level">The probability that <see cref="Interval"/> covers the true mean. Range: 0 &lt; level &lt; 1.</param>
    /// <param name="alternative">What the t test holds against equality.</param>
    /// <returns>The difference.</returns>
    /// <exception cref="ArgumentNullException">A list is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no scores, not as many in one list as in the other, or one is NaN or infinite.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    /// <example>
    /// <code>
    /// var difference = PairedDifference.Of(recallBySeed, baselineRecallBySeed);
    /// Console.WriteLine($"{difference.Mean:F3} {difference.Interval}, p = {difference.PValue:G2}");
    /// </code>
    /// </example>
    public static PairedDifference Of(
        IReadOnlyList<double> values,
        IReadOnlyList<double> baseline,
        double level = 0.95,
        Alternative alternative = Alternative.TwoSided)
    {
        var scores = Scores.Pair(values, baseline);
        return new PairedDifference(scores, Guard.Inside(level, 0, 1), Guard.Defined(alternative));
    }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"difference {Mean:G4} in {Interval} ({Interval.Level:P0}), {Won} of {Pairs} won, "
        + $"t({DegreesOfFreedom}) = {Statistic:F2}, p = {PValue:G2}");

    /// <summary>Whether no number is within half the rounding of all differences.</summary>
    private static bool Vary(PairedScores scores)
    {
        var items = scores.Differences.Zip(scores.Roundings).ToArray();
        return items.Max(item => item.First - (item.Second / 2)) > items.Min(item => item.First + (item.Second / 2));
    }

    private static double Probability(double t, int degrees, Alternative alternative) => alternative switch
    {
        Alternative.TwoSided => 2 * StudentT.CDF(0, 1, degrees, -Math.Abs(t)),
        Alternative.Greater => StudentT.CDF(0, 1, degrees, -t),
        _ => StudentT.CDF(0, 1, degrees, t),
    };
}

/// <summary>What a paired test holds against "the differences are symmetric around 0".</summary>
public enum Alternative
{
    /// <summary>The values are larger, or smaller, than the baseline's.</summary>
    TwoSided,

    /// <summary>The values are larger than the baseline's.</summary>
    Greater,

    /// <summary>The values are smaller than the baseline's.</summary>
    Less,
}
