using BenchmarkDotNet.EventProcessors;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Contrastive.Benchmarks.Cases;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Timing;

/// <summary>Says what is being timed and what the first round gave, and ends the run when Ctrl-C was pressed.</summary>
internal sealed class TimingProgress(SampleConsole console) : EventProcessor
{
    private object? _current;

    public override void OnStartRunBenchmark(BenchmarkCase benchmarkCase)
    {
        console.Cancellation.ThrowIfCancellationRequested();
        var step = (StepCase)benchmarkCase.Parameters[nameof(StepBenchmark.Case)];
        if (ReferenceEquals(step, _current)) return;
        _current = step;
        console.Line($"timing {step}");
    }

    public override void OnEndRunBenchmark(BenchmarkCase benchmarkCase, BenchmarkReport report)
    {
        if ((int)benchmarkCase.Parameters[nameof(StepBenchmark.Round)] == 1 && report.ResultStatistics is { } first)
            console.Line($"  {benchmarkCase.Parameters[nameof(StepBenchmark.Form)],-12}  {first.Median / 1e6,9:F2} ms");
    }
}
