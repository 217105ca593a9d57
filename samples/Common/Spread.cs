using System.Globalization;

namespace Contrastive.Samples;

/// <summary>
/// Mean and standard deviation (n - 1) of a figure over the seeds; the deviation of one is NaN. Both are NaN, and the text is a
/// dash, where the figure could not be measured with every seed.
/// </summary>
public sealed record Spread(double Mean, double StandardDeviation)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var all = values.ToArray();
        var mean = all.Average();
        return new Spread(mean, all.Length > 1 ? Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1)) : double.NaN);
    }

    public string Text(int digits = 3, string between = " ± ")
        => double.IsNaN(Mean) ? "-" : double.IsNaN(StandardDeviation) ? Number(Mean, digits) : $"{Number(Mean, digits)}{between}{Number(StandardDeviation, digits)}";

    private static string Number(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);
}
