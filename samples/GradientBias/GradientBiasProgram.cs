using System.CommandLine;
using System.Diagnostics;
using TorchSharp;

namespace Contrastive.Samples.GradientBias;

/// <summary>The program: finds the optimum, trains, measures the gradients' bias, reports.</summary>
public static class GradientBiasProgram
{
    /// <returns>0, or 2 after one line on standard error if something has to be put right, or 130 or 143 if stopped by Ctrl-C or SIGTERM.</returns>
    public static int Main(string[] arguments) => Run(arguments, null, null, Environment.ProcessorCount);

    /// <summary>
    /// As <see cref="Main"/>, with the console, the number of threads and the way to stop given, and a look at every
    /// run and measurement that is finished: for tests.
    /// </summary>
    internal static int Run(
        string[] arguments, TextWriter? output, TextWriter? error, int threads, Action? afterEach = null, CancellationToken cancellation = default)
    {
        var command = new GradientBiasCommand();
        return SampleRunner.Run(
            command.Root, arguments, (parsed, console) => Run(command, parsed, threads, console, afterEach), output, error, cancellation);
    }

    private static void Run(GradientBiasCommand command, ParseResult parsed, int threads, SampleConsole console, Action? afterEach)
    {
        var settings = command.Settings(parsed);
        var folder = command.Out(parsed);
        // What is finished stays until the experiment is reported: stopped anywhere, the same command goes on, to the same figures.
        string runs = Path.Combine(folder, "finished-runs.jsonl"), measurements = Path.Combine(folder, "finished-measurements.jsonl");
        var finishedRuns = new RunRecords<NoisyRun, RunCurve>(runs, settings, mixed: false);
        var finishedMeasurements = new RunRecords<BiasKey, BiasEntry>(measurements, settings, mixed: false);
        OutputFolder.Make(folder);
        // The threads take whole runs; the matrices of a step are far too small to share out.
        torch.set_num_threads(1);
        var clock = Stopwatch.StartNew();

        var problem = SyntheticProblem.Generate(settings.Seed);
        using var loss = new FullLoss(problem);
        var optimum = Optimum.Find(loss, settings.Starts, settings.Seed);
        console.Line(
            $"{SyntheticProblem.Pairs} pairs in {SyntheticProblem.Dimensions} dimensions; optimum L* = {optimum.Loss:F10}, "
            + $"{settings.Starts} starts agree to {optimum.Spread:E1}");
        var biasPoint = optimum.HalfWay();
        var fraction = optimum.Loss / loss.Value(biasPoint);

        IReadOnlyList<RunCurve> curves = [];
        IReadOnlyList<BiasEntry> bias = [];
        console.Stoppable(
            () =>
            {
                curves = Experiment.Run(problem, optimum.Loss, settings, finishedRuns, threads, console, afterEach);
                bias = BiasMeasurement.Run(problem, biasPoint, settings, finishedMeasurements, threads, console, afterEach);
            },
            () => finishedRuns.Count + finishedMeasurements.Count > 0 ? $"what was finished is in {folder}; the same command goes on from there" : null);
        Report.Write(folder, settings, optimum, fraction, curves, bias, console);
        File.Delete(runs);
        File.Delete(measurements);
        console.Line($"{clock.Elapsed.TotalSeconds:F0} s on {threads} thread{(threads == 1 ? "" : "s")}");
    }
}
