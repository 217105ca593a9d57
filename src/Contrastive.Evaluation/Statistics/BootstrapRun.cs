using Contrastive.Numerics;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Contrastive.Evaluation;

/// <summary>Draws the resamples and reads the interval off them.</summary>
internal static class BootstrapRun
{
    // Sums of the same scores in another order.
    private const double Rounding = 1e-12;

    public static BootstrapReport Of(
        IResampled statistic, int resamples, double level, BootstrapMethod method, Random? random)
    {
        Guard.AtLeast(resamples, 1);
        Guard.Inside(level, 0, 1);
        Guard.Defined(method);
        random ??= Random.Shared;

        int[] drawn = [.. Enumerable.Range(0, statistic.Groups)];
        double estimate = statistic.Of(drawn);
        double[] values = new double[resamples];
        for (int resample = 0; resample < resamples; resample++)
        {
            for (int i = 0; i < drawn.Length; i++)
                drawn[i] = random.Next(drawn.Length);
            values[resample] = statistic.Of(drawn);
        }

        Array.Sort(values);
        double error = values[0] == values[^1] ? 0 : Scores.StandardDeviation(values);
        double lower = (1 - level) / 2, upper = 1 - lower;
        if (method == BootstrapMethod.BiasCorrected)
        {
            double bias = Bias(values, estimate), acceleration = Acceleration(statistic);
            (lower, upper) = (Moved(lower, bias, acceleration), Moved(upper, bias, acceleration));
        }

        var interval = new ConfidenceInterval(Quantile(values, lower), Quantile(values, upper), level);
        return new BootstrapReport(estimate, error, interval, resamples);
    }

    // Linear between the order statistics (R's type 7).
    private static double Quantile(double[] ascending, double probability)
    {
        int exponent = Scores.Exponent(ascending);
        return Math.ScaleB(
            SortedArrayStatistics.QuantileCustom(Scores.Scaled(ascending, exponent), probability, QuantileDefinition.R7), -exponent);
    }

    /// <summary>
    /// ẑ₀ = Φ⁻¹(share of resamples below the estimate), those at it by half; where none or all are, half a resample is assumed.
    /// </summary>
    private static double Bias(double[] ascending, double estimate)
    {
        double rounding = Rounding * Math.Max(Math.Abs(ascending[0]), Math.Abs(ascending[^1]));
        int below = ascending.Count(value => value < estimate - rounding);
        int at = ascending.Count(value => Math.Abs(value - estimate) <= rounding);
        double half = 0.5 / ascending.Length;
        return Normal.InvCDF(0, 1, Math.Clamp((below + (at / 2.0)) / ascending.Length, half, 1 - half));
    }

    /// <summary>
    /// â = Σ u³ / (6 (Σ u²)^(3/2)), u how far each value without one group is below their mean; scaled, so that no power overflows
    /// or vanishes.
    /// </summary>
    private static double Acceleration(IResampled statistic)
    {
        double[] without = [.. Enumerable.Range(0, statistic.Groups).Select(statistic.Without)];
        without = Scores.Scaled(without, Scores.Exponent(without));
        double mean = without.Average(), squares = 0, cubes = 0;
        double[] below = [.. without.Select(value => mean - value)];
        foreach (double u in Scores.Scaled(below, Scores.Exponent(below)))
        {
            squares += u * u;
            cubes += u * u * u;
        }

        return squares == 0 ? 0 : cubes / (6 * Math.Pow(squares, 1.5));
    }

    /// <summary>Φ(ẑ₀ + (ẑ₀ + z)/(1 - â (ẑ₀ + z))), with z the normal quantile of a probability.</summary>
    private static double Moved(double probability, double bias, double acceleration)
    {
        double shifted = bias + Normal.InvCDF(0, 1, probability);
        // Beyond the pole, which only extreme skewness at extreme levels reaches, the quantile is the outermost resample.
        return Normal.CDF(0, 1, bias + (shifted / Math.Max(1 - (acceleration * shifted), double.Epsilon)));
    }
}
