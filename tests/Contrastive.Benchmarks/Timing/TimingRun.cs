using System.Collections.Immutable;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Contrastive.Benchmarks.Cases;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Timing;

/// <summary>
/// One run of BenchmarkDotNet over cases, forms and rounds, in this process. In a round the forms of a case follow each other at
/// once (floor, ours, plain), so that a slower minute of the machine slows all of them, and the median is over all rounds.
/// </summary>
internal sealed class TimingRun(int threads, bool quick, SampleConsole console)
{
    public CaseTimes[] Measure(IReadOnlyList<StepCase> cases)
    {
        var folder = Directory.CreateTempSubdirectory("contrastive-benchmarks-");
        try
        {
            var log = new AccumulationLogger();
            var config = ManualConfig.CreateEmpty()
                .AddLogger(log)
                .AddEventProcessor(new TimingProgress(console))
                .WithOrderer(new AsGiven())
                .WithOptions(ConfigOptions.DisableLogFile)
                .WithArtifactsPath(folder.FullName)
                .CreateImmutableConfig();
            var benchmarks = cases.SelectMany(step => Benchmarks(step, config)).ToArray();
            var summary = BenchmarkRunner.Run([new BenchmarkRunInfo(benchmarks, typeof(StepBenchmark), config)]).Single();
            if (summary.HasCriticalValidationErrors || summary.Reports.Length < benchmarks.Length || summary.Reports.Any(report => !report.Success))
                throw new InvalidOperationException($"a benchmark failed{Environment.NewLine}{log.GetLog()}");
            return [.. cases.Select(step => new CaseTimes(step, Forms(summary, step)))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private IEnumerable<BenchmarkCase> Benchmarks(StepCase step, ImmutableConfig config)
    {
        var pace = Pace.Of(step, quick);
        var type = typeof(StepBenchmark);
        var descriptor = new Descriptor(
            type,
            type.GetMethod(nameof(StepBenchmark.Run))!,
            type.GetMethod(nameof(StepBenchmark.Prepare)),
            type.GetMethod(nameof(StepBenchmark.Release)));
        var job = new Job($"{step.Name}-{step.Batch}")
            .WithToolchain(new InProcessNoEmitToolchain(TimeSpan.FromHours(1), logOutput: true))
            .WithStrategy(RunStrategy.Monitoring)
            // No training loop collects all garbage before each step, which would also give the tiles' spare memory back to the system.
            .WithGcForce(false)
            .WithInvocationCount(pace.Invocations)
            .WithUnrollFactor(1)
            .WithWarmupCount(pace.WarmUp)
            .WithIterationCount(pace.Iterations)
            .WithEvaluateOverhead(false);
        return from round in Enumerable.Range(1, pace.Rounds)
               from form in step.Forms
               select BenchmarkCase.Create(
                   descriptor,
                   job,
                   new ParameterInstances(
                   [
                       Parameter(nameof(StepBenchmark.Case), step),
                       Parameter(nameof(StepBenchmark.Form), form),
                       Parameter(nameof(StepBenchmark.Round), round),
                       Parameter(nameof(StepBenchmark.Threads), threads),
                   ]),
                   config);
    }

    private static ParameterInstance Parameter(string name, object value)
        => new(new ParameterDefinition(name, isStatic: false, [value], isArgument: false, value.GetType(), 0), value, SummaryStyle.Default);

    /// <summary>Milliseconds of every measurement, by form.</summary>
    private static Dictionary<StepForm, double[]> Forms(Summary summary, StepCase step) => summary.Reports
        .Where(report => report.BenchmarkCase.Parameters[nameof(StepBenchmark.Case)] == (object)step)
        .GroupBy(report => (StepForm)report.BenchmarkCase.Parameters[nameof(StepBenchmark.Form)])
        .ToDictionary(
            form => form.Key,
            form => form.SelectMany(report => report.GetResultRuns()).Select(run => run.GetAverageTime().ToMilliseconds()).ToArray());

    /// <summary>Runs in the order in which the benchmarks were listed.</summary>
    private sealed class AsGiven : DefaultOrderer
    {
        public override IEnumerable<BenchmarkCase> GetExecutionOrder(
            ImmutableArray<BenchmarkCase> benchmarksCase, IEnumerable<BenchmarkLogicalGroupRule>? order = null) => benchmarksCase;
    }
}
