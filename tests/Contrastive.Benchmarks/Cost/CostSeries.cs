using Contrastive.Samples;
using MathNet.Numerics.LinearRegression;

namespace Contrastive.Benchmarks.Cost;

/// <summary>A step at one batch size.</summary>
internal sealed record CostPoint(long Batch, double Milliseconds, double Megabytes);

/// <summary>What a loss costs as the batch grows.</summary>
internal sealed record CostSeries(CostFamily Family, IReadOnlyList<CostPoint> Points)
{
    /// <summary>p of time ∝ Bᵖ, over the batches from <paramref name="from"/> on.</summary>
    public double TimeExponent(long from = 0) => Exponent(point => point.Milliseconds, from);

    /// <summary>p of memory ∝ Bᵖ, over the batches from <paramref name="from"/> on.</summary>
    public double MemoryExponent(long from = 0) => Exponent(point => point.Megabytes, from);

    /// <summary>The slope of a straight line through the logarithms; NaN through fewer than two points.</summary>
    private double Exponent(Func<CostPoint, double> value, long from)
    {
        var used = Points.Where(point => point.Batch >= from && value(point) > 0).ToArray();
        return used.Length < 2
            ? double.NaN
            : SimpleRegression.Fit([.. used.Select(point => Math.Log(point.Batch))], [.. used.Select(point => Math.Log(value(point)))]).B;
    }
}

/// <summary>A loss whose cost is shown: the case of this name, at other sizes.</summary>
internal sealed record CostFamily(string Case, string Title, string Color)
{
    public static IReadOnlyList<CostFamily> All { get; } =
    [
        new("infonce-symmetric", "symmetric InfoNCE", LossColors.InfoNCE),
        new("infonce-symmetric-recomputed", "symmetric InfoNCE, MemoryBudget = 0", "#e7a977"),
        new("gamma", "gamma loss, one direction", LossColors.GammaMean),
    ];
}
