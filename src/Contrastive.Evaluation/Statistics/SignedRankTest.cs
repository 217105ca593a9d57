using System.Globalization;
using Contrastive.Numerics;
using MathNet.Numerics.Distributions;

namespace Contrastive.Evaluation;

/// <summary>
/// Wilcoxon's signed-rank test of two systems on the same items (F. Wilcoxon, "Individual Comparisons by Ranking Methods",
/// Biometrics Bulletin 1(6), 1945): it ranks the magnitudes of the differences and compares the ranks of the positive ones
/// with those of the negative ones.
/// </summary>
/// <remarks>
/// Differences of 0 are dropped, as Wilcoxon did; equal magnitudes share the mean of their ranks; both up to rounding. With up
/// to 50 differences the p value is exact, ties included: the share of all 2ⁿ choices of signs that are as extreme. With more
/// it comes from the normal distribution, the variance corrected for ties and the rank sum by ½ for continuity
/// (M. Hollander, D. Wolfe and E. Chicken, Nonparametric Statistical Methods, 3rd edition, §3.1).
/// </remarks>
public sealed record SignedRankTest
{
    private const int MostExact = 50;

    private SignedRankTest(PairedScores scores, Alternative alternative)
    {
        Pairs = scores.Differences.Length;
        var items = scores.Differences.Zip(scores.Roundings).Where(item => item.First != 0).OrderBy(item => Math.Abs(item.First)).ToArray();
        double[] differences = [.. items.Select(item => item.First)];
        Zeros = Pairs - differences.Length;
        long[] doubled = DoubledRanks(differences, [.. items.Select(item => item.Second)]);
        PositiveRankSum = doubled.Zip(differences, (rank, difference) => difference > 0 ? rank / 2.0 : 0).Sum();
        NegativeRankSum = doubled.Zip(differences, (rank, difference) => difference < 0 ? rank / 2.0 : 0).Sum();
        double all = PositiveRankSum + NegativeRankSum;
        EffectSize = all == 0 ? 0 : (PositiveRankSum - NegativeRankSum) / all;
        IsExact = differences.Length <= MostExact;
        // How likely a sum of positive ranks is that is at least as large, and at least as small.
        var (larger, smaller) = IsExact
            ? Exact(doubled, (long)Math.Round(2 * PositiveRankSum))
            : Approximate(doubled, PositiveRankSum);
        PValue = alternative switch
        {
            Alternative.TwoSided => Math.Min(1, 2 * Math.Min(larger, smaller)),
            Alternative.Greater => larger,
            _ => smaller,
        };
    }

    /// <summary>How many pairs, those with difference 0 among them.</summary>
    public int Pairs { get; }

    /// <summary>How many differences are 0.</summary>
    public int Zeros { get; }

    /// <summary>The sum of the ranks of the differences above 0.</summary>
    public double PositiveRankSum { get; }

    /// <summary>The sum of the ranks of the differences below 0.</summary>
    public double NegativeRankSum { get; }

    /// <summary>The smaller rank sum, Wilcoxon's T.</summary>
    public double Statistic => Math.Min(PositiveRankSum, NegativeRankSum);

    /// <summary>The p value, in [0, 1]; 1 where all differences are 0.</summary>
    public double PValue { get; }

    /// <summary>Whether the p value is exact.</summary>
    public bool IsExact { get; }

    /// <summary>
    /// The matched-pairs rank-biserial correlation (D. Kerby, "The Simple Difference Formula", Comprehensive Psychology 3,
    /// 2014): the difference of the rank sums over their sum, in [-1, 1]; 0 where all differences are 0.
    /// </summary>
    public double EffectSize { get; }

    /// <summary>Compares two systems.</summary>
    /// <param name="values">The scores of one, n ≥ 1, finite.</param>
    /// <param name="baseline">The scores of the other, of the same items in the same order.</param>
    /// <param name="alternative">What is held against equality.</param>
    /// <returns>The test.</returns>
    /// <exception cref="ArgumentNullException">A list is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no scores, not as many in one list as in the other, or one is NaN or infinite.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="alternative"/> is not defined.</exception>
    public static SignedRankTest Of(
        IReadOnlyList<double> values, IReadOnlyList<double> baseline, Alternative alternative = Alternative.TwoSided)
        => new(Scores.Pair(values, baseline), Guard.Defined(alternative));

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"signed ranks +{PositiveRankSum} -{NegativeRankSum}, {Pairs} pairs, {Zeros} zeros, "
        + $"p = {PValue:G2} ({(IsExact ? "exact" : "normal")})");

    /// <summary>Twice the rank of each magnitude, so that shared ranks are whole.</summary>
    private static long[] DoubledRanks(double[] ascending, double[] roundings)
    {
        long[] ranks = new long[ascending.Length];
        for (int start = 0; start < ranks.Length;)
        {
            int end = start + 1;
            while (end < ranks.Length
                && Math.Abs(ascending[end]) - Math.Abs(ascending[end - 1]) <= Math.Max(roundings[end], roundings[end - 1]))
            {
                end++;
            }

            Array.Fill(ranks, start + 1L + end, start, end - start);                    // twice the mean of start + 1, …, end
            start = end;
        }

        return ranks;
    }

    private static (double Larger, double Smaller) Exact(long[] doubledRanks, long observed)
    {
        // How many choices of signs have each sum of positive ranks. A count is at most 2^50: exact.
        double[] ways = new double[doubledRanks.Sum() + 1];
        ways[0] = 1;
        foreach (long rank in doubledRanks)
        {
            for (long sum = ways.Length - 1; sum >= rank; sum--)
                ways[sum] += ways[sum - rank];
        }

        double choices = Math.ScaleB(1, doubledRanks.Length);
        return (ways.Skip((int)observed).Sum() / choices, ways.Take((int)observed + 1).Sum() / choices);
    }

    internal static (double Larger, double Smaller) Approximate(long[] doubledRanks, double observed)
    {
        // Σ rank²/4 is n(n + 1)(2n + 1)/24 less Σ(t³ - t)/48 over the ties.
        double mean = doubledRanks.Sum() / 4.0, deviation = Math.Sqrt(doubledRanks.Sum(rank => (double)rank * rank) / 16);
        return (
            Normal.CDF(0, 1, -(observed - mean - 0.5) / deviation),
            Normal.CDF(0, 1, (observed - mean + 0.5) / deviation));
    }
}
