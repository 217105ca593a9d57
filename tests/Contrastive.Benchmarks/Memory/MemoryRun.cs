using Contrastive.Benchmarks.Cases;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Memory;

/// <summary>The peak memory of a case above its inputs, in megabytes of 10⁶ bytes.</summary>
/// <param name="Case">What was run.</param>
/// <param name="Ours">Measured.</param>
/// <param name="Plain">The peers' form; null where there is none or it was not asked for.</param>
/// <param name="ExtrapolatedFrom">The batches that the plain form was measured at, where this one is too large for it.</param>
internal sealed record CaseMemory(StepCase Case, double Ours, double? Plain, IReadOnlyList<(long Batch, double Megabytes)> ExtrapolatedFrom);

/// <summary>Probes cases one after the other, each form in a process of its own.</summary>
internal sealed class MemoryRun(int threads, SampleConsole console)
{
    private readonly ProbeProcess _process = new(threads, console.Cancellation);

    public CaseMemory Measure(StepCase step, bool compare = true)
    {
        var ours = Probe(step, StepForm.Ours);
        if (!compare || step.Plain is null) return new CaseMemory(step, ours, null, []);
        if (step.IsCompared) return new CaseMemory(step, ours, Probe(step, StepForm.Plain), []);

        // The plain form would need more memory than most machines have.
        (long Batch, double Megabytes)[] smaller =
            [.. new[] { StepCase.LargestCompared / 2, StepCase.LargestCompared }.Select(batch => (batch, Probe(step with { Batch = batch }, StepForm.Plain)))];
        return new CaseMemory(step, ours, QuadraticGrowth.Through(smaller[0], smaller[1]).At(step.Batch), smaller);
    }

    private double Probe(StepCase step, StepForm form)
    {
        var found = _process.Run(step, form);
        console.Line(
            $"memory of {step}, {form}: {found.PeakMb:F1} MB in {found.StepMs.Count} steps ({found.FirstPeakMb:F1} in the first)"
            + (found.PeakWasReset ? "" : " (this system cannot reset the peak: nothing that was higher before is left out)"));
        return found.PeakMb;
    }
}
