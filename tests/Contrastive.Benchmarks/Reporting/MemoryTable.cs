using Contrastive.Benchmarks.Memory;
using Contrastive.Samples;
using static Contrastive.Benchmarks.Reporting.Figures;

namespace Contrastive.Benchmarks.Reporting;

/// <summary>Peaks above the inputs; what is not measured says so.</summary>
internal static class MemoryTable
{
    public static void Write(IReadOnlyList<CaseMemory> memories, TextWriter output)
    {
        var table = new ResultsTable("peak MB above the inputs", "B", "D", "ours", "plain", "plain is");
        foreach (var entry in memories)
        {
            var extrapolated = entry.ExtrapolatedFrom.Count > 0;
            table.Row(
                entry.Case.Name,
                $"{entry.Case.Batch}",
                $"{entry.Case.Dim}",
                Megabytes(entry.Ours),
                (extrapolated ? "~" : "") + Megabytes(entry.Plain),
                extrapolated
                    ? $"extrapolated (a B² + b B) from {string.Join(", ", entry.ExtrapolatedFrom.Select(known => $"{Megabytes(known.Megabytes)} at {known.Batch}"))}"
                    : entry.Plain is null ? "" : "measured");
        }

        table.Write(output);
    }
}
