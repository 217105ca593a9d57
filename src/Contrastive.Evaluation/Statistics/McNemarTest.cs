using System.Globalization;
using MathNet.Numerics.Distributions;

namespace Contrastive.Evaluation;

/// <summary>
/// McNemar's test of two classifiers on the same items (Q. McNemar, "Note on the Sampling Error of the Difference between
/// Correlated Proportions or Percentages", Psychometrika 12, 1947): only the items on which one is right and the other wrong
/// say which is better. If neither is, each of them falls to either side with probability ½.
/// </summary>
public sealed record McNemarTest
{
    private McNemarTest(int pairs, int onlyValues, int onlyBaseline)
    {
        Pairs = pairs;
        OnlyValues = onlyValues;
        OnlyBaseline = onlyBaseline;
        int discordant = onlyValues + onlyBaseline, fewer = Math.Min(onlyValues, onlyBaseline);
        double tail = Binomial.CDF(0.5, discordant, fewer), observed = Binomial.PMF(0.5, discordant, fewer);
        PValue = Math.Min(1, 2 * tail);
        MidPValue = discordant == 0 ? 1 : onlyValues == onlyBaseline ? 1 - (observed / 2) : (2 * tail) - observed;
        double excess = Math.Max(0, Math.Abs(onlyValues - onlyBaseline) - 1);
        ChiSquared = discordant == 0 ? 0 : excess * excess / discordant;
    }

    /// <summary>How many items.</summary>
    public int Pairs { get; }

    /// <summary>The items that only the first classifier has right.</summary>
    public int OnlyValues { get; }

    /// <summary>The items that only the baseline has right.</summary>
    public int OnlyBaseline { get; }

    /// <summary>The difference of the accuracies, in [-1, 1].</summary>
    public double Difference => (OnlyValues - OnlyBaseline) / (double)Pairs;

    /// <summary>The exact two-sided p value, from the binomial distribution; 1 where the two never differ.</summary>
    public double PValue { get; }

    /// <summary>
    /// The mid-p value, which counts the observed outcome by half: less conservative than <see cref="PValue"/>, and hardly ever
    /// above its level; 1 where the two never differ (M. Fagerland, S. Lydersen and P. Laake, "The McNemar Test for Binary Matched-Pairs Data", 2013).
    /// </summary>
    public double MidPValue { get; }

    /// <summary>The statistic with Edwards's correction for continuity, (|b - c| - 1)²/(b + c); for comparison only.</summary>
    public double ChiSquared { get; }

    /// <summary>Compares two classifiers.</summary>
    /// <param name="values">Whether one has each item right, n ≥ 1.</param>
    /// <param name="baseline">Whether the other has, of the same items in the same order.</param>
    /// <returns>The test.</returns>
    /// <exception cref="ArgumentNullException">A list is null.</exception>
    /// <exception cref="ArgumentException">There are no items, or not as many in one list as in the other.</exception>
    public static McNemarTest Of(IReadOnlyList<bool> values, IReadOnlyList<bool> baseline)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(baseline);
        return Of(Hits(values), Hits(baseline));
    }

    /// <summary>Compares two classifiers by the hits of their reports.</summary>
    /// <param name="values">1 where one has the item right and 0 where it has not, n ≥ 1.</param>
    /// <param name="baseline">The same of the other, of the same items in the same order.</param>
    /// <returns>The test.</returns>
    /// <exception cref="ArgumentNullException">A list is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no items, not as many in one list as in the other, or a hit is neither 0 nor 1: items that are right by chance
    /// only, because scores tie, are for <see cref="SignFlipTest"/>.
    /// </exception>
    public static McNemarTest Of(IReadOnlyList<double> values, IReadOnlyList<double> baseline)
    {
        double[] differences = Scores.Pair(values, baseline).Differences;
        Binary(values, nameof(values));
        Binary(baseline, nameof(baseline));
        return new McNemarTest(
            differences.Length,
            differences.Count(difference => difference > 0),
            differences.Count(difference => difference < 0));
    }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{OnlyValues} right only here, {OnlyBaseline} only in the baseline, of {Pairs}, p = {PValue:G2} (exact)");

    private static double[] Hits(IReadOnlyList<bool> right) => [.. right.Select(item => item ? 1.0 : 0)];

    private static void Binary(IReadOnlyList<double> hits, string name)
    {
        for (int i = 0; i < hits.Count; i++)
        {
            if (hits[i] is not (0 or 1))
            {
                throw new ArgumentException(
                    $"{name} must be 0 or 1 but has {hits[i].ToString(CultureInfo.InvariantCulture)} at {i}", name);
            }
        }
    }
}
