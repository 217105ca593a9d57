using System.Globalization;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The sign-flip permutation test of two systems on the same items (R. Fisher, The Design of Experiments, 1935, §21): if they
/// do not differ, each difference could as well have had the other sign. The p value is the share of all choices of signs
/// whose mean is as extreme as the observed one.
/// </summary>
/// <remarks>
/// With up to 20 differences that are not 0 all choices are counted, and the p value is exact. With more, signs are drawn, and
/// the observed ones count as a draw: p = (1 + as extreme)/(1 + draws) (B. Phipson and G. Smyth, "Permutation P-values Should
/// Never Be Zero", 2010). Means count as equal up to rounding.
/// </remarks>
public sealed record SignFlipTest
{
    private const int MostExact = 20;

    /// <summary>Random numbers drawn at once.</summary>
    private const long Drawn = 1 << 20;

    private SignFlipTest(PairedScores scores, Alternative alternative, int draws, Generator? generator)
    {
        // Scaled, so that no sum overflows.
        int exponent = Scores.Exponent(scores.Differences);
        double[] differences = Scores.Scaled(scores.Differences.Where(difference => difference != 0), exponent);
        Pairs = scores.Differences.Length;
        double observed = differences.Sum();
        Mean = Math.ScaleB(observed / Pairs, -exponent);
        IsExact = differences.Length <= MostExact;
        // Of the sum: what each difference is off by. Those that are 0 count nothing, whatever their scores.
        double rounding = Scores.Scaled(scores.Roundings.Where((_, i) => scores.Differences[i] != 0), exponent).Sum();
        bool IsExtreme(double sum) => alternative switch
        {
            Alternative.TwoSided => Math.Abs(sum) >= Math.Abs(observed) - rounding,
            Alternative.Greater => sum >= observed - rounding,
            _ => sum <= observed + rounding,
        };
        Choices = IsExact ? 1L << differences.Length : draws;
        PValue = IsExact
            ? CountAll(differences, 0, 0, IsExtreme) / (double)Choices
            : (1.0 + CountDrawn(differences, draws, generator, IsExtreme)) / (1.0 + draws);
    }

    /// <summary>How many pairs.</summary>
    public int Pairs { get; }

    /// <summary>The mean difference, values less baseline.</summary>
    public double Mean { get; }

    /// <summary>The p value, in (0, 1]; 1 where all differences are 0.</summary>
    public double PValue { get; }

    /// <summary>Whether all choices of signs were counted.</summary>
    public bool IsExact { get; }

    /// <summary>How many choices of signs were counted or drawn.</summary>
    public long Choices { get; }

    /// <summary>Compares two systems.</summary>
    /// <param name="values">The scores of one, n ≥ 1, finite.</param>
    /// <param name="baseline">The scores of the other, of the same items in the same order.</param>
    /// <param name="alternative">What is held against equality.</param>
    /// <param name="draws">How many choices of signs to draw where there are too many to count, at least 1.</param>
    /// <param name="generator">The source of randomness, such as <c>new torch.Generator(seed)</c>; by default PyTorch's.</param>
    /// <returns>The test.</returns>
    /// <exception cref="ArgumentNullException">A list is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no scores, not as many in one list as in the other, or one is NaN or infinite.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="draws"/> is below 1, or <paramref name="alternative"/> is not defined.
    /// </exception>
    public static SignFlipTest Of(
        IReadOnlyList<double> values,
        IReadOnlyList<double> baseline,
        Alternative alternative = Alternative.TwoSided,
        int draws = 10_000,
        Generator? generator = null)
    {
        var scores = Scores.Pair(values, baseline);
        Guard.Defined(alternative);
        Guard.AtLeast(draws, 1);
        return new SignFlipTest(scores, alternative, draws, generator);
    }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"mean difference {Mean:G4}, {Pairs} pairs, p = {PValue:G2} ({(IsExact ? "exact" : $"{Choices} draws")})");

    private static long CountAll(double[] differences, int next, double sum, Func<double, bool> isExtreme)
        => next == differences.Length
            ? isExtreme(sum) ? 1 : 0
            : CountAll(differences, next + 1, sum + differences[next], isExtreme)
                + CountAll(differences, next + 1, sum - differences[next], isExtreme);

    private static long CountDrawn(double[] differences, int draws, Generator? generator, Func<double, bool> isExtreme)
    {
        long count = 0;
        foreach (var run in Runs.Of(draws, Math.Max(1, Drawn / differences.Length)))
        {
            using var scope = NewDisposeScope();
            long[] signs = randint(0, 2, [run.Count * differences.Length], ScalarType.Int64, generator?.device ?? CPU, generator: generator)
                .cpu().data<long>().ToArray();
            for (int draw = 0; draw < run.Count; draw++)
            {
                double sum = 0;
                for (int i = 0; i < differences.Length; i++)
                    sum += signs[(draw * differences.Length) + i] == 0 ? differences[i] : -differences[i];
                count += isExtreme(sum) ? 1 : 0;
            }
        }

        return count;
    }
}
