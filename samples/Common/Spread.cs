using MathNet.Numerics.Statistics;

namespace Contrastive.Samples;

/// <summary>Mean and standard deviation (n - 1) of a figure over the seeds.</summary>
public sealed record Spread(double Mean, double StandardDeviation)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var all = values.ToArray();
        return new Spread(all.Mean(), all.Length > 1 ? all.StandardDeviation() : double.NaN);
    }

    public string Text(int digits = 3)
        => double.IsNaN(StandardDeviation) ? Mean.ToString($"F{digits}", null) : $"{Mean.ToString($"F{digits}", null)} ± {StandardDeviation.ToString($"F{digits}", null)}";
}
