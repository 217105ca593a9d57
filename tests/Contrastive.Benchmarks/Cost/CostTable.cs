using System.Globalization;
using Contrastive.Benchmarks.Reporting;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Cost;

/// <summary>Every point, and the exponents of the growth.</summary>
internal static class CostTable
{
    /// <summary>From here on what a step always costs (calls, small tensors, and up to 8192 the kept tiles) no longer bends the line.</summary>
    private const long Grown = 8192;

    public static void Write(IReadOnlyList<CostSeries> series, TextWriter output)
    {
        var table = new ResultsTable("loss", "B", "ms per step", "peak MB");
        foreach (var entry in series)
        {
            foreach (var point in entry.Points)
                table.Row(entry.Family.Case, $"{point.Batch}", Figures.Milliseconds(point.Milliseconds), Figures.Megabytes(point.Megabytes));
        }

        table.Write(output);
        output.WriteLine();
        var exponents = new ResultsTable("p of B^p, fitted", "time", $"time, B >= {Grown}", "memory", $"memory, B >= {Grown}");
        foreach (var entry in series)
        {
            exponents.Row(
                entry.Family.Case,
                Text(entry.TimeExponent()),
                Text(entry.TimeExponent(Grown)),
                Text(entry.MemoryExponent()),
                Text(entry.MemoryExponent(Grown)));
        }

        exponents.Write(output);
    }

    private static string Text(double exponent) => double.IsNaN(exponent) ? "" : exponent.ToString("F2", CultureInfo.InvariantCulture);
}
