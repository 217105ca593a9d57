using Contrastive.Samples;

namespace Contrastive.Benchmarks.Cost;

/// <summary>Both axes logarithmic, with the slopes that quadratic time and linear memory have.</summary>
internal static class CostPlot
{
    private static readonly CurveStyle Guide = new("#555555", 1, 1, Dashed: true);

    public static void Write(string path, IReadOnlyList<CostSeries> series) => PlotFile.Write(
        path,
        [
            Panel("Time", "seconds per step", "slope 2", series, point => point.Milliseconds / 1000, exponent: 2),
            Panel("Memory", "peak above the inputs, MB", "slope 1", series, point => point.Megabytes, exponent: 1),
        ],
        panelWidth: 720);

    private static Panel Panel(
        string what, string unit, string guide, IReadOnlyList<CostSeries> series, Func<CostPoint, double> value, int exponent)
    {
        double[] batches = [.. series[0].Points.Select(point => (double)point.Batch)];
        // Through the cheapest at the largest batch.
        var end = series.Min(entry => value(entry.Points[^1]));
        return new Panel(
            $"{what} of forward and backward, D = {CostSweep.Dim}",
            "batch size B",
            unit,
            [
                .. series.Select(entry => new Curve(
                    entry.Family.Title, batches, [.. entry.Points.Select(value)], Style: new CurveStyle(entry.Family.Color))),
                new Curve(guide, batches, [.. batches.Select(batch => end * Math.Pow(batch / batches[^1], exponent))], Style: Guide),
            ],
            LogX: true,
            LogY: true)
        {
            XTicks = batches,
        };
    }
}
