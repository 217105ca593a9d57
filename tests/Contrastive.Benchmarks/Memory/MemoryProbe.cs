using Contrastive.Benchmarks.Cases;

namespace Contrastive.Benchmarks.Memory;

/// <summary>What a probe found.</summary>
/// <param name="PeakMb">The most that steps took above their inputs and what was loaded before, in megabytes of 10⁶ bytes.</param>
/// <param name="StepMs">How long each step took.</param>
/// <param name="PeakWasReset">
/// Whether the peak is that of the steps alone. Otherwise a higher peak before them, if there was one, is what was reported.
/// </param>
internal sealed record ProbeResult(double PeakMb, IReadOnlyList<double> StepMs, bool PeakWasReset);

/// <summary>Runs steps in this process, which was started for nothing else, and reports the most memory they took.</summary>
internal static class MemoryProbe
{
    private const long WarmUpBatch = 512;

    /// <summary>Beyond this a step takes long enough to be believed the first time.</summary>
    private const long LargestRepeated = 16384;

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
        // A second step shows what a first one leaves behind.
        var times = new double[step.Batch <= LargestRepeated ? 2 : 1];
        for (var i = 0; i < times.Length; i++)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            inputs.Run();
            times[i] = clock.Elapsed.TotalMilliseconds;
        }

        return new ProbeResult(Math.Max(0, ProcessMemory.Peak - before) / 1e6, times, reset);
    }
}
