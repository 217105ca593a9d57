using System.CommandLine;
using Contrastive.Distributed;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Languages;
using Contrastive.Samples.ImageSearch.Querying;
using Contrastive.Samples.ImageSearch.Reporting;
using Contrastive.Samples.ImageSearch.Serving;
using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch;

/// <summary>
/// The program: checks everything, then trains and reports, or answers queries on the console or on a web page. Started by <c>mpirun</c>, several
/// processes train together; the first of them does all else.
/// </summary>
public static class ImageSearchProgram
{
    /// <returns>
    /// 0, or 2 after one line on standard error if something has to be put right, or 130 or 143 if training is stopped by Ctrl-C or
    /// SIGTERM, which is how serving ends.
    /// </returns>
    public static int Run(string[] arguments)
        => Ranks.Run(arguments, ranks => Run(arguments, Ranks.Output(ranks), null, () => { }, CancellationToken.None, ranks));

    /// <summary>As <see cref="Run(string[])"/>, with the console, the way to stop and the ranks given, and a look at every step: for tests.</summary>
    internal static int Run(
        string[] arguments, TextWriter? output, TextWriter? error, Action afterStep, CancellationToken cancellation, Communicator? ranks = null)
    {
        ranks ??= Communicator.Single;
        var root = new RootCommand("Trains an image tower and a text tower on pictures and captions, and finds pictures for words.");
        var train = new Command("train", "Trains and measures; what the program does without a command as well.");
        var training = new TrainCommand(root, train);
        var languages = new LanguagesCommand();
        var query = new QueryCommand();
        var serve = new ServeCommand();
        root.Add(train);
        root.Add(languages.Command);
        root.Add(query.Command);
        root.Add(serve.Command);
        return SampleRunner.Run(root, arguments, (parsed, console) =>
        {
            if (ranks.Rank > 0 && (parsed.CommandResult.Command == query.Command || parsed.CommandResult.Command == serve.Command))
                return;
            if (parsed.CommandResult.Command == query.Command)
                QueryProgram.Run(query.Settings(parsed), console);
            else if (parsed.CommandResult.Command == serve.Command)
                ServeProgram.Run(serve.Settings(parsed), console);
            else if (parsed.CommandResult.Command == languages.Command)
                Languages(languages, parsed, console, afterStep, ranks);
            else
                Train(training, parsed, console, afterStep, ranks);
        }, output, error, cancellation);
    }

    private static void Languages(LanguagesCommand command, ParseResult parsed, SampleConsole console, Action afterStep, Communicator ranks)
    {
        Ranks.RequireOne(ranks, command.Command.Name);
        LanguagesProgram.Run(command.Settings(parsed), new Outputs(command.Out(parsed)), command.Running(parsed), console, afterStep);
    }

    private static void Train(TrainCommand command, ParseResult parsed, SampleConsole console, Action afterStep, Communicator ranks)
    {
        var settings = command.Settings(parsed);
        if (settings.Structures is not null)
            Ranks.RequireOne(ranks, "--structure");
        var outputs = new Outputs(command.Out(parsed));
        var running = command.Running(parsed, outputs, ranks);
        var device = Devices.Of(settings.Device);
        var pictures = settings.Source is { } source
            ? PictureCollection.OfCaptions(source, settings.PictureSize, console)
            : DrawnPictures.Draw(settings.Drawn, settings.PictureSize, settings.SplitSeed);
        settings = settings with { DataDigest = pictures.Digest() };
        var experiment = new Experiment(settings, pictures, device, running);
        if (ranks.Rank == 0)
            OutputFolder.Make(outputs.Folder, ModelFolder.Models);
        try
        {
            var results = experiment.Run(console, afterStep);
            if (ranks.Rank == 0)
                Report.Write(settings, experiment.Data, results, outputs, console);
        }
        catch (OperationCanceledException)
        {
            console.Line($"every finished run is in {running.Records}; the same command goes on with the others");
            throw;
        }
    }
}
