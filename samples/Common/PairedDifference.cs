using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Contrastive.Samples;

/// <summary>
/// What one treatment gains over another when both ran on the same seeds: pairing removes what the seed alone decides.
/// </summary>
/// <param name="Pairs">How many pairs.</param>
/// <param name="Mean">Mean of the differences.</param>
/// <param name="StandardDeviation">Of the differences (n - 1); NaN with a single pair.</param>
/// <param name="StandardError">Of the mean.</param>
/// <param name="Won">How many differences are above zero.</param>
/// <param name="PValue">Student's two-sided paired t test; NaN where the differences do not vary.</param>
public sealed record PairedDifference(int Pairs, double Mean, double StandardDeviation, double StandardError, int Won, double PValue)
{
    public static PairedDifference Of(IReadOnlyList<double> values, IReadOnlyList<double> baseline)
    {
        if (values.Count != baseline.Count)
            throw new ArgumentException($"{values.Count} values but {baseline.Count} in the baseline", nameof(baseline));
        var differences = values.Zip(baseline, (value, other) => value - other).ToArray();
        var mean = differences.Mean();
        var deviation = differences.StandardDeviation();
        var error = deviation / Math.Sqrt(differences.Length);
        var p = error > 0 ? 2 * StudentT.CDF(0, 1, differences.Length - 1, -Math.Abs(mean / error)) : double.NaN;
        return new PairedDifference(differences.Length, mean, deviation, error, differences.Count(d => d > 0), p);
    }
}
