using System.CommandLine;
using TorchSharp;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public string Folder => folder;

    public string CheckpointPath => Path.Combine(folder, "checkpoint.zip");

    public string Summary => Path.Combine(folder, "summary.json");

    public string Curves => Path.Combine(folder, "curves.png");

    public string Towers(RunKey key) => Path.Combine(folder, $"towers-{key.FileName}.safetensors");
}

/// <summary>The program: checks everything, then trains, then reports.</summary>
public static class AlignFeaturesProgram
{
    // The made-up data set is the same whatever the seeds of the runs are.
    private const long DataSeed = 0;

    // Recall@10 among ten candidates or fewer is 1 whatever the towers do.
    private const int FewestTestItems = 11;

    /// <returns>0, or 2 after one line on standard error if something has to be put right, or 130 or 143 if stopped by Ctrl-C or SIGTERM.</returns>
    public static int Main(string[] arguments) => Run(arguments, null, null, () => { }, CancellationToken.None);

    /// <summary>As <see cref="Main"/>, with the console and the way to stop given, and a look at every step: for tests.</summary>
    internal static int Run(string[] arguments, TextWriter? output, TextWriter? error, Action afterStep, CancellationToken cancellation)
    {
        var command = new AlignCommand();
        return SampleRunner.Run(
            command.Root, arguments, (parsed, console) => Run(command, parsed, console, afterStep), output, error, cancellation);
    }

    private static void Run(AlignCommand command, ParseResult parsed, SampleConsole console, Action afterStep)
    {
        var settings = command.Settings(parsed);
        var outputs = new Outputs(command.Out(parsed));
        var interval = command.Interval(parsed);
        var checkpoint = command.Resume(parsed, outputs);
        var device = Devices.Of(settings.Device);
        // The matrices of a step are too small to share out: on a busy machine two threads take twenty times as long as one.
        torch.set_num_threads(1);
        var data = settings is { Left: { } left, Right: { } right }
            ? PairedData.Read(left, right, settings.Labels)
            : SyntheticPairs.Generate(settings.Items, DataSeed);
        Check(settings, data);

        var experiment = new Experiment(settings, data, device, outputs, interval);
        if (checkpoint is not null)
            experiment.Resume(checkpoint);
        OutputFolder.Make(outputs.Folder);
        console.Line($"{data.Items} items, {data.Left.Columns} features ({data.Left.Source}) and {data.Right.Columns} ({data.Right.Source}), "
            + (data.Labels is { } labels ? $"{labels.Classes} classes" : "no labels"));

        IReadOnlyList<FinishedRun> runs = [];
        console.Stoppable(() => runs = experiment.Run(console, afterStep), () => File.Exists(outputs.CheckpointPath)
            ? $"everything up to here is in {outputs.CheckpointPath}; the same command{(checkpoint is null || checkpoint == outputs.CheckpointPath ? "" : " without --resume")} goes on from there"
            : null);
        Report.Write(settings, runs, outputs, console);
    }

    private static void Check(AlignSettings settings, PairedData data)
    {
        if (settings.Probe && data.Labels is { Classes: 1 } one)
            throw new UserError($"{one.Source}: all items are of one class, so there is nothing to probe for");
        var test = Split.TestItems(data.Items, settings.TestFraction);
        if (test < FewestTestItems)
            throw new UserError($"--test-fraction {settings.TestFraction} holds out {test} of {data.Items} items, but at least {FewestTestItems} are needed");
        if (settings.BatchSizes.FirstOrDefault(batch => batch > data.Items - test) is var tooLarge and > 0)
            throw new UserError($"--batch-size {tooLarge} is larger than the {data.Items - test} training items");
    }
}
