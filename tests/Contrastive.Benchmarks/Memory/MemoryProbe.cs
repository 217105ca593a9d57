using Contrastive.Benchmarks.Cases;

namespace Contrastive.Benchmarks.Memory;

/// <summary>What a probe found.</summary>
/// <param name="PeakMb">The most that steps took above their inputs and what was loaded before, in megabytes of 10⁶ bytes.</param>
/// <param name="FirstPeakMb">The same of the first step alone: what later ones add to it, they leave behind.</param>
/// <param name="StepMs">How long each step took.</param>
/// <param name="PeakWasReset">
/// Whether the peak is that of the steps alone. Otherwise a higher peak before them, if there was one, is what was reported.
/// </param>
internal sealed record ProbeResult(double PeakMb, double FirstPeakMb, IReadOnlyList<double> StepMs, bool PeakWasReset);

/// <summary>Runs steps in this process, which was started for nothing else, and reports the most memory they took.</summary>
internal static class MemoryProbe
{
    private const long WarmUpBatch = 512;

    /// <summary>A leak of the allocator shows after some steps.</summary>
    private const int Steps = 30;

    /// <summary>Beyond this a step takes many seconds, and there are fewer.</summary>
    private const long LargestRepeated = 8192;

    private const int LargeSteps = 3;

    /// <summary>Beyond this it takes minutes, and there is one.</summary>
    private const long LargestOfThree = 65_536;

    public static ProbeResult Run(StepCase step, StepForm form)
    {
        // Code, thread pools and the buffers of the products are there before anything is counted.
        using (var small = (step with { Batch = Math.Min(step.Batch, WarmUpBatch) }).Make(form))
        {
            small.Run();
            small.Run();
        }

        using var inputs = step.Make(form);
        ProcessMemory.ReleaseFreed();
        var reset = ProcessMemory.TryResetPeak();
        var before = ProcessMemory.Resident;
        var times = new double[step.Batch <= LargestRepeated ? Steps : step.Batch <= LargestOfThree ? LargeSteps : 1];
        var first = 0.0;
        for (var i = 0; i < times.Length; i++)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            inputs.Run();
            times[i] = clock.Elapsed.TotalMilliseconds;
            if (i == 0) first = Peak();
        }
        return new ProbeResult(Peak(), first, times, reset);

        double Peak() => Math.Max(0, ProcessMemory.Peak - before) / 1e6;
    }
}
