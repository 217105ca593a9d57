using Contrastive.Numerics;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>A statistic of groups of items, drawn anew many times; and the interval read off the resamples.</summary>
/// <param name="groups">How many groups there are.</param>
/// <param name="of">The statistic of the groups drawn, some of them repeatedly.</param>
/// <param name="without">The statistic of all groups but one.</param>
internal sealed class Resampling(int groups, Func<IReadOnlyList<int>, double> of, Func<int, double> without)
{
    // Sums of the same scores in another order.
    private const double Rounding = 1e-12;

    /// <summary>Random numbers drawn at once.</summary>
    private const long Drawn = 1 << 20;

    /// <summary>The mean over all items of the groups drawn.</summary>
    public static Resampling Mean(double[] scores, int[][] groups)
    {
        // Scaled, so that no sum overflows.
        int exponent = Scores.Exponent(scores);
        scores = Scores.Scaled(scores, exponent);
        // Sums about the mean: they lose no digits, and equal scores give the same mean in every resample.
        double centre = scores.All(score => score == scores[0]) ? scores[0] : scores.Average();
        double[] sums = [.. groups.Select(group => group.Sum(item => scores[item] - centre))];
        int[] counts = [.. groups.Select(group => group.Length)];
        double all = sums.Sum();
        double Unscaled(double mean) => Math.ScaleB(mean, -exponent);
        double Of(IReadOnlyList<int> drawn)
        {
            double sum = 0;
            long count = 0;
            for (int i = 0; i < drawn.Count; i++)
            {
                sum += sums[drawn[i]];
                count += counts[drawn[i]];
            }

            return Unscaled(centre + (sum / count));
        }

        return new Resampling(groups.Length, Of, group => Unscaled(centre + ((all - sums[group]) / (scores.Length - counts[group]))));
    }

    /// <summary>A caller's statistic of the items of the groups drawn.</summary>
    public static Resampling Statistic(Func<IReadOnlyList<int>, double> statistic, int[][] groups)
    {
        List<int> items = [];
        double Of(IEnumerable<int> drawn)
        {
            items.Clear();
            foreach (int group in drawn)
                items.AddRange(groups[group]);
            return statistic(items);
        }

        return new Resampling(groups.Length, Of, group => Of(Enumerable.Range(0, groups.Length).Where(other => other != group)));
    }

    /// <summary>The items that are drawn together: those of each cluster, at least two clusters, in ascending order; or each item alone.</summary>
    public static int[][] Groups(int items, IReadOnlyList<long>? clusters)
    {
        if (clusters is null)
            return [.. Enumerable.Range(0, items).Select(item => (int[])[item])];
        if (clusters.Count != items)
            throw new ArgumentException($"clusters has {clusters.Count} values for {items} items", nameof(clusters));
        int[][] groups = [.. Enumerable.Range(0, items)
            .GroupBy(item => clusters[item])
            .OrderBy(group => group.Key)
            .Select(group => group.ToArray())];
        return groups.Length > 1
            ? groups
            : throw new ArgumentException(
                $"clusters must be at least 2 but all {items} items are in {clusters[0]}", nameof(clusters));
    }

    public BootstrapReport Run(int resamples, double level, BootstrapMethod method, Generator? generator)
    {
        Guard.AtLeast(resamples, 1);
        Guard.Inside(level, 0, 1);
        Guard.Defined(method);

        double estimate = of([.. Enumerable.Range(0, groups)]);
        double[] values = new double[resamples];
        int[] drawn = new int[groups];
        foreach (var run in Runs.Of(resamples, Math.Max(1, Drawn / groups)))
        {
            using var scope = NewDisposeScope();
            long[] numbers = randint(0, groups, [run.Count * groups], ScalarType.Int64, generator?.device ?? CPU, generator: generator)
                .cpu().data<long>().ToArray();
            for (int resample = 0; resample < run.Count; resample++)
            {
                for (int i = 0; i < groups; i++)
                    drawn[i] = (int)numbers[(resample * groups) + i];
                values[run.First + resample] = of(drawn);
            }
        }

        Array.Sort(values);
        double error = values[0] == values[^1] ? 0 : Scores.StandardDeviation(values);
        double lower = (1 - level) / 2, upper = 1 - lower;
        if (method == BootstrapMethod.BiasCorrected)
        {
            double bias = Bias(values, estimate), acceleration = Acceleration();
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
    private double Acceleration()
    {
        double[] values = [.. Enumerable.Range(0, groups).Select(without)];
        values = Scores.Scaled(values, Scores.Exponent(values));
        double mean = values.Average(), squares = 0, cubes = 0;
        double[] below = [.. values.Select(value => mean - value)];
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
