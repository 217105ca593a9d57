using System.Globalization;
using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Timing;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Reporting;

/// <summary>Medians and ratios.</summary>
internal static class TimesTable
{
    public static void Write(IReadOnlyList<CaseTimes> times, TextWriter output)
    {
        var table = new ResultsTable("case", "B", "D", "n", "ours ms", "min-max", "floor ms", "x floor", "plain ms", "x faster");
        foreach (var entry in times)
        {
            var (ours, floor, plain) = (entry.Median(StepForm.Ours)!.Value, entry.Median(StepForm.Floor), entry.Median(StepForm.Plain));
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
                Milliseconds(plain),
                Ratio(plain / ours));
        }

        table.Write(output);
    }

    public static string Milliseconds(double? value) => value switch
    {
        null => "",
        < 10 => value.Value.ToString("F2", CultureInfo.InvariantCulture),
        < 1000 => value.Value.ToString("F1", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("F0", CultureInfo.InvariantCulture),
    };

    private static string Ratio(double? value) => value?.ToString("F2", CultureInfo.InvariantCulture) ?? "";
}
