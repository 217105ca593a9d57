using System.CommandLine;
using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Cost;
using Contrastive.Benchmarks.Memory;
using Contrastive.Benchmarks.Reporting;
using Contrastive.Benchmarks.Timing;
using Contrastive.Samples;
using TorchSharp;

namespace Contrastive.Benchmarks;

/// <summary>The program: measures, prints tables, writes the result file.</summary>
internal static class BenchmarkProgram
{
    /// <returns>0, or 2 after one line on standard error if something has to be put right, or 130 if stopped by Ctrl-C.</returns>
    public static int Run(string[] arguments) => Run(arguments, null, null);

    /// <summary>As <see cref="Run(string[])"/>, with the console given: for tests.</summary>
    internal static int Run(string[] arguments, TextWriter? output, TextWriter? error)
    {
        var command = new BenchmarkCommand();
        return SampleRunner.Run(command.Root, arguments, (parsed, console) => Run(command, parsed, console), output, error);
    }

    private static void Run(BenchmarkCommand command, ParseResult parsed, SampleConsole console)
    {
        var settings = command.Settings(parsed);
        if (command.ListsOnly(parsed))
        {
            foreach (var step in settings.Cases) console.Line(step.Name);
            return;
        }

        torch.set_num_threads(settings.Threads);
        console.Line(Machine.Describe(settings.Threads));
        var timing = new TimingRun(settings.Threads, settings.Quick, console);
        if (settings.Beyond)
        {
            new BeyondRun(settings.Threads, console).Write(settings.Quick ? [512] : [256, 1024, 4096, 8192, 16384]);
            return;
        }
        var memory = new MemoryRun(settings.Threads, console);
        var results = settings.Cost is { } cost ? RunCost(cost, timing, memory, console) : RunCases(settings, timing, memory, console);
        if (settings.Out is { } file) new ResultFile(results).Write(file);
    }

    private static CaseResult[] RunCases(BenchmarkSettings settings, TimingRun timing, MemoryRun memory, SampleConsole console)
    {
        // The children first: while they run, this process takes no memory and no time.
        var probed = !settings.Memory ? [] : settings.Quick ? settings.Cases.Take(1) : settings.Cases;
        var memories = probed.Select(step => memory.Measure(step, compare: !settings.Quick)).ToArray();
        var times = timing.Measure(settings.Cases);

        console.Line();
        TimesTable.Write(times, console.Output);
        if (memories.Length > 0)
        {
            console.Line();
            MemoryTable.Write(memories, console.Output);
        }

        return
        [
            .. times.Select(entry => new CaseResult(
                entry.Case.Name,
                entry.Case.Batch,
                entry.Case.Dim,
                entry.Median(StepForm.Ours),
                entry.Median(StepForm.Floor),
                entry.Median(StepForm.Plain),
                memories.FirstOrDefault(peak => peak.Case == entry.Case)?.Ours)),
        ];
    }

    private static CaseResult[] RunCost(CostSettings settings, TimingRun timing, MemoryRun memory, SampleConsole console)
    {
        var series = CostSweep.Run(settings.Batches, timing, memory);
        console.Line();
        CostTable.Write(series, console.Output);
        CostPlot.Write(settings.Plot, series);
        console.Line($"plot: {settings.Plot}");
        return
        [
            .. from entry in series
               from point in entry.Points
               select new CaseResult(entry.Family.Case, point.Batch, CostSweep.Dim, point.Milliseconds, null, null, point.Megabytes),
        ];
    }
}
