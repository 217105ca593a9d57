using System.CommandLine;
using Contrastive.Distributed;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public const string RunFolder = "runs";

    public string Folder => folder;

    public string Summary => Path.Combine(folder, "summary.json");

    public string Curves => Path.Combine(folder, "curves.png");

    public string BatchSizes => Path.Combine(folder, "batch-size.png");

    public string Examples => Path.Combine(folder, "examples.png");

    public string Planes => Path.Combine(folder, "planes.png");

    public string Confusions => Path.Combine(folder, "confusions.png");

    public string Bridges => Path.Combine(folder, "bridges.png");

    /// <summary>The finished ones.</summary>
    public string Runs => Path.Combine(folder, "runs.jsonl");

    /// <summary>A folder with a run's trained towers: <see cref="SavedModel"/>.</summary>
    public string Model(RunKey key) => Path.Combine(folder, ModelFolder.Models, key.FileName);

    public string Checkpoint(RunKey key) => Path.Combine(folder, RunFolder, $"{key.FileName}.checkpoint");
}

/// <summary>
/// The program: checks everything, then trains, then reports. Started by <c>mpirun</c>, several processes train together; the first of them does
/// all else.
/// </summary>
public static class ShapesClipProgram
{
    /// <returns>0, or 2 after one line on standard error if something has to be put right, or 130 or 143 if stopped by Ctrl-C or SIGTERM.</returns>
    public static int Main(string[] arguments)
        => Ranks.Run(arguments, ranks => Run(arguments, Ranks.Output(ranks), null, () => { }, CancellationToken.None, ranks));

    /// <summary>As <see cref="Main"/>, with the console, the way to stop and the ranks given, and a look at every step or measurement: for tests.</summary>
    internal static int Run(
        string[] arguments, TextWriter? output, TextWriter? error, Action afterStep, CancellationToken cancellation, Communicator? ranks = null)
    {
        var command = new ShapesCommand();
        return SampleRunner.Run(
            command.Root, arguments, (parsed, console) => Run(command, parsed, console, afterStep, ranks ?? Communicator.Single), output, error, cancellation);
    }

    private static void Run(ShapesCommand command, ParseResult parsed, SampleConsole console, Action afterStep, Communicator ranks)
    {
        if (parsed.CommandResult.Command == command.Bias.Command)
        {
            Ranks.RequireOne(ranks, command.Bias.Command.Name);
            BiasProgram.Run(command.Bias.Settings(parsed), command.Bias.Out(parsed), console, afterStep);
            return;
        }

        var settings = command.Settings(parsed);
        var folder = command.Out(parsed);
        var device = Devices.Of(settings.Device);
        var outputs = new Outputs(folder);
        var experiment = new Experiment(settings, device, outputs, command.Run(parsed, ranks));
        experiment.Check();
        if (ranks.Rank == 0)
            OutputFolder.Make(folder, Outputs.RunFolder);
        IReadOnlyList<RunResult> runs = [];
        console.Stoppable(() => runs = experiment.Run(console, afterStep), () => $"everything up to here is in {folder}; the same command goes on from there");
        if (ranks.Rank > 0)
            return;
        Report.Write(settings, runs, outputs, console);
        console.Line($"         {string.Join(", ", SpacePictures.Write(settings, outputs, device))}");
    }
}
