using Contrastive.Benchmarks.Reporting;
using Contrastive.Benchmarks.Timing;
using Contrastive.Samples;
using TorchSharp;

namespace Contrastive.Benchmarks;

/// <summary>The program.</summary>
internal static class BenchmarkProgram
{
    public static int Run(string[] arguments)
    {
        var command = new BenchmarkCommand();
        return SampleRunner.Run(command.Root, arguments, (parsed, console) => Run(command.Settings(parsed), console));
    }

    private static void Run(BenchmarkSettings settings, SampleConsole console)
    {
        torch.set_num_threads(settings.Threads);
        console.Line(Machine.Describe(settings.Threads));
        var times = new TimingRun(settings.Threads, settings.Quick, console).Measure(settings.Cases);
        console.Line();
        TimesTable.Write(times, console.Output);
    }
}
