using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>Reads or draws, trains the pairs of towers and reports.</summary>
internal static class LanguagesProgram
{
    public static void Run(LanguagesSettings settings, Outputs outputs, Running running, SampleConsole console, Action afterStep)
    {
        var training = settings.Training;
        var device = Devices.Of(training.Device);
        var named = training.Source is { } source
            ? NamedPictures.Read(source, training.PictureSize, console)
            : NamedPictures.Draw(training.Drawn, training.PictureSize, training.SplitSeed);
        settings = settings with
        {
            Languages = Asked(settings.Languages, named.Languages),
            Training = training with { DataDigest = named.Tagged.Digest() },
        };
        var experiment = new LanguageExperiment(settings, named, device, running);
        OutputFolder.Make(outputs.Folder, ModelFolder.Models);
        try
        {
            LanguageReport.Write(settings, named, experiment, experiment.Run(console, afterStep), outputs, console);
        }
        catch (OperationCanceledException)
        {
            console.Line($"every finished run is in {running.Records}; the same command goes on with the others");
            throw;
        }
    }

    private static IReadOnlyList<string> Asked(IReadOnlyList<string> languages, IReadOnlyList<string> known)
    {
        if (languages.FirstOrDefault(language => !known.Contains(language)) is { } unknown)
            throw new UserError($"--languages: there are no names in '{unknown}', only in {string.Join(", ", known)}");
        IReadOnlyList<string> asked = languages.Count == 0 ? known : [.. languages.Order(StringComparer.Ordinal)];
        return asked.Count > 1 ? asked : throw new UserError($"--languages: names in {asked[0]} alone are nothing to compare; name two languages or more");
    }
}
