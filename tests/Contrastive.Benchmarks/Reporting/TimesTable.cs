using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Timing;
using Contrastive.Samples;
using static Contrastive.Benchmarks.Reporting.Figures;

namespace Contrastive.Benchmarks.Reporting;

/// <summary>Medians and their ratios.</summary>
internal static class TimesTable
{
    public static void Write(IReadOnlyList<CaseTimes> times, TextWriter output)
    {
        var table = new ResultsTable(
            "median of n, ms", "B", "D", "n", "ours", "min-max", "floor", "x floor", "in place", "x in place", "plain", "x faster");
        foreach (var entry in times)
        {
            var ours = entry.Median(StepForm.Ours);
            var (floor, inPlace, plain) = (entry.Median(StepForm.Floor), entry.Median(StepForm.FloorInPlace), entry.Median(StepForm.Plain));
            var all = entry.Milliseconds[StepForm.Ours];
            table.Row(
                entry.Case.Name,
                $"{entry.Case.Batch}",
                $"{entry.Case.Dim}",
                $"{all.Length}",
                Milliseconds(ours),
                $"{Milliseconds(all.Min())}-{Milliseconds(all.Max())}",
                Milliseconds(floor),
                Ratio(ours / floor),
                Milliseconds(inPlace),
                Ratio(ours / inPlace),
                Milliseconds(plain),
                Ratio(plain / ours));
        }

        table.Write(output);
    }
}
