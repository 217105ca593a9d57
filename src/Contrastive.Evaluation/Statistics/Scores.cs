using System.Runtime.CompilerServices;

namespace Contrastive.Evaluation;

/// <summary>Scores on their way into a statistic.</summary>
internal static class Scores
{
    // Values that are equal on paper differ by a rounding in each of them, and so do differences: 0.9 - 0.8 is not 0.8 - 0.7.
    private const double Roundings = 4;

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

    /// <summary>values - baseline, item by item; 0 where they are equal up to rounding.</summary>
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

        double rounding = Roundings * FeatureRows.Epsilon(TorchSharp.torch.ScalarType.Float64)
            * left.Concat(right).Max(Math.Abs);
        return new PairedScores(
            [.. left.Zip(right, (value, other) => Math.Abs(value - other) <= rounding ? 0 : value - other)], rounding);
    }
}
