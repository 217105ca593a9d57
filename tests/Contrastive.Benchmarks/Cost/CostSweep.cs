using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Memory;
using Contrastive.Benchmarks.Timing;

namespace Contrastive.Benchmarks.Cost;

/// <summary>Time and memory of a step at batches of powers of two: the library's forms alone.</summary>
internal static class CostSweep
{
    public const long Dim = 256;
    public const long Smallest = 1024;
    public const long Largest = 65536;

    public static IReadOnlyList<CostSeries> Run(IReadOnlyList<long> batches, TimingRun timing, MemoryRun memory)
    {
        StepCase[] steps =
        [
            .. from family in CostFamily.All
               from batch in batches
               select CaseList.Named(family.Case) with { Batch = batch, Dim = Dim, HasFloor = false, Plain = null },
        ];
        var peaks = steps.Select(step => memory.Measure(step)).ToArray();
        var times = timing.Measure(steps);
        var points = steps
            .Select((step, i) => (step.Name, Point: new CostPoint(step.Batch, times[i].Median(StepForm.Ours)!.Value, peaks[i].Ours)))
            .ToLookup(entry => entry.Name, entry => entry.Point);
        return [.. CostFamily.All.Select(family => new CostSeries(family, [.. points[family.Case]]))];
    }

    /// <summary>Powers of two.</summary>
    public static IReadOnlyList<long> Batches(long smallest, long largest)
    {
        var batches = new List<long>();
        for (var batch = smallest; batch <= largest; batch *= 2) batches.Add(batch);
        return batches;
    }
}
