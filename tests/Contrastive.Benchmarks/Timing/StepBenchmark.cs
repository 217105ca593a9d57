using BenchmarkDotNet.Attributes;
using Contrastive.Benchmarks.Cases;
using TorchSharp;

namespace Contrastive.Benchmarks.Timing;

/// <summary>What BenchmarkDotNet runs: one form of one case, in one round.</summary>
public class StepBenchmark
{
    private BatchStep _step = null!;

    public StepCase Case { get; set; } = null!;

    public StepForm Form { get; set; }

    public int Round { get; set; }

    public int Threads { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        // BenchmarkDotNet runs each benchmark on a thread of its own.
        torch.set_num_threads(Threads);
        _step = Case.Make(Form);
    }

    [Benchmark]
    public void Run() => _step.Run();

    [GlobalCleanup]
    public void Release() => _step.Dispose();
}
