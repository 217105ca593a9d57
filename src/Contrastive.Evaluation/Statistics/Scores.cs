using System.Runtime.CompilerServices;
using MathNet.Numerics.Statistics;

namespace Contrastive.Evaluation;

/// <summary>Scores on their way into a statistic.</summary>
internal static class Scores
{
    // Values that are equal on paper differ by a rounding in each of them, and so do differences: 0.9 - 0.8 is not 0.8 - 0.7.
    private const double Roundings = 4;

    // From 1 to the next double.
    private const double Epsilon = 1.0 / (1L << 52);

    /// <summary>At least so many numbers, all finite.</summary>
    public static double[] Check(
        IReadOnlyList<double> scores, int minimum = 1, [CallerArgumentExpression(nameof(scores))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(scores, name);
        double[] all = [.. scores];
        if (all.Length < minimum)
            throw new ArgumentException($"{name} must have at least {minimum} values but has {all.Length}", name);
        int wrong = Array.FindIndex(all, score => !double.IsFinite(score));
        if (wrong >= 0)
            throw new ArgumentException($"{name} must be finite but has {all[wrong]} at {wrong}", name);
        return all;
    }

    /// <summary>values - baseline, item by item; 0 where the two are equal up to their own rounding.</summary>
    public static PairedScores Pair(
        IReadOnlyList<double> values,
        IReadOnlyList<double> baseline,
        int minimum = 1,
        [CallerArgumentExpression(nameof(values))] string valuesName = "",
        [CallerArgumentExpression(nameof(baseline))] string baselineName = "")
    {
        double[] left = Check(values, minimum, valuesName), right = Check(baseline, 0, baselineName);
        if (left.Length != right.Length)
        {
            throw new ArgumentException(
                $"{valuesName} has {left.Length} values but {baselineName} has {right.Length}", baselineName);
        }

        double[] differences = new double[left.Length], roundings = new double[left.Length];
        for (int i = 0; i < differences.Length; i++)
        {
            roundings[i] = Roundings * Epsilon
                * Math.Max(Math.Abs(left[i]), Math.Abs(right[i]));
            double difference = left[i] - right[i];
            if (!double.IsFinite(difference))
            {
                throw new ArgumentException(
                    $"{valuesName} has {left[i]} at {i} and {baselineName} {right[i]}: the difference is too large for a double", valuesName);
            }

            differences[i] = Math.Abs(difference) <= roundings[i] ? 0 : difference;
        }

        return new PairedScores(differences, roundings);
    }

    /// <summary>The power of two that brings the largest magnitude near 1: squares and sums then neither overflow nor vanish.</summary>
    public static int Exponent(IEnumerable<double> values)
    {
        double largest = values.Max(Math.Abs);
        return largest == 0 ? 0 : -Math.ILogB(largest);
    }

    /// <summary>All times 2 to a power.</summary>
    public static double[] Scaled(IEnumerable<double> values, int exponent) => [.. values.Select(value => Math.ScaleB(value, exponent))];

    /// <summary>The mean of values of any size.</summary>
    public static double Mean(double[] values)
    {
        int exponent = Exponent(values);
        return Math.ScaleB(Scaled(values, exponent).Mean(), -exponent);
    }

    /// <summary>The standard deviation of values of any size, with n - 1 as divisor.</summary>
    public static double StandardDeviation(double[] values)
    {
        int exponent = Exponent(values);
        double[] scaled = Scaled(values, exponent);
        double first = scaled[0];
        double[] moved = [.. scaled.Select(value => value - first)];
        int spread = Exponent(moved);
        return Math.ScaleB(Math.ScaleB(Scaled(moved, spread).StandardDeviation(), -spread), -exponent);
    }
}

/// <summary>The differences of two systems on the same items.</summary>
/// <param name="Differences">One for each item.</param>
/// <param name="Roundings">How far off each may be: two that are equal on paper are no further apart than the larger of theirs.</param>
internal sealed record PairedScores(double[] Differences, double[] Roundings);
