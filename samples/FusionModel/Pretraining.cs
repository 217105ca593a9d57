using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Models;
using Contrastive.Samples.FusionModel.Training;

namespace Contrastive.Samples.FusionModel;

/// <summary>A line of the summary of a pretraining: the means of its last epoch.</summary>
internal sealed record PretrainResult(string Loss, string Structure, long Seed, double Contrast, double Matching, double Words, double? Assignment, double Seconds)
{
    public static PretrainResult Of(FusionKey key, FusionCurves curves)
    {
        var last = curves.Epochs[^1];
        return new PretrainResult(key.Loss, key.Structure, key.Seed, last["contrast"], last["matching"], last["words"], last.TryGetValue("assignment", out var assignment) ? assignment : null, curves.Seconds);
    }
}

/// <summary>The command <c>pretrain</c>.</summary>
internal static class Pretraining
{
    /// <exception cref="UserError">Something has to be put right.</exception>
    public static void Run(PretrainSettings settings, Running running, SampleConsole console, Action afterStep)
    {
        var device = Devices.Of(settings.Device);
        var scenes = settings.Scenes ?? DrawnScenes.Places;
        if (settings.Images is null && TaskData.SideOf(scenes) is var side && side != settings.Side)
            throw new UserError($"drawn scenes have {side} pixels a side: --picture-size {settings.Side} is for files");
        var data = settings.Images is { } images
            ? CaptionData.Read(images, settings.Captions!, settings.Side, console)
            : CaptionData.Draw(settings.Drawn, seed: 0, scenes);
        // Words of the drawn tasks are known from the start; those of other sentences are added when a model is fine-tuned.
        string[] texts = [.. data.Captions.SelectMany(said => said), .. settings.Images is null ? Vocabulary.OfTasks(scenes) : []];
        var sizes = new FusionSizes(data.Side, settings.Width, settings.Layers, settings.Features, settings.Boxes, CaptionTokenizer.Of(texts).Vocabulary);
        settings = settings with { DataDigest = data.Digest };
        FusionKey[] keys = [.. from seed in settings.Seeds from loss in settings.Losses from structure in settings.Structures
                               select new FusionKey(FusionKey.Pretrain, FusionKey.Objectives, loss, structure, seed)];
        OutputFolder.Make(running.Folder, ModelFolder.Models);
        var records = new RunRecords<FusionKey, FusionCurves>(running.Records, settings.OfOneRun);
        console.Line($"{data.Pictures.Count} pictures, {data.Captions.Sum(said => said.Count)} captions, {sizes.Vocabulary.Count} tokens");
        FusionKey[] missing = [.. keys.Where(key => records.Find(key) is null || !Directory.Exists(running.Model(key)))];
        if (missing.Length < keys.Length)
            console.Line($"{keys.Length - missing.Length} of {keys.Length} runs are finished already");
        new RunFolder(running, settings.OfOneRun, console, afterStep).Train("pretraining", missing, Create, (key, run, progress) =>
        {
            SavedFusion.Save(running.Model(key), run.Net, key, settings);
            records.Add(key, run.Curves);
            progress.Line($"{key}: {string.Join(", ", run.Curves.Epochs[^1].Select(term => new LossTerm(term.Key, term.Value)))}");
        });

        Report(settings, keys, key => records.Find(key)!, running, console);

        PretrainRun Create(FusionKey key)
        {
            using var weights = Streams.Weights(key.Seed);
            return new PretrainRun(key, new FusionNet(sizes, weights), data, settings.Queue, settings.Pace, device);
        }
    }

    private static void Report(PretrainSettings settings, FusionKey[] keys, Func<FusionKey, FusionCurves> curves, Running running, SampleConsole console)
    {
        PretrainResult[] results = [.. keys.Select(key => PretrainResult.Of(key, curves(key)))];
        string[] parts = settings.Boxes > 1 ? ["contrast", "matching", "words", "assignment"] : ["contrast", "matching", "words"];
        var table = new ResultsTable(["run", .. parts, "seconds"]);
        foreach (var (key, result) in keys.Zip(results))
            table.Row([$"{key}", Cell(result.Contrast), Cell(result.Matching), Cell(result.Words), .. result.Assignment is { } assignment ? [Cell(assignment)] : Array.Empty<string>(), ResultsTable.Cell(result.Seconds, "F0")]);
        table.Write(console.Output);
        var summary = Path.Combine(running.Folder, "summary.json");
        SummaryFile.Write(summary, results, settings);
        var picture = Path.Combine(running.Folder, "curves.png");
        PlotFile.Write(picture, [.. parts.Select(part => new Panel(part, "epoch", "mean loss", [.. keys.Select(key => Curve(key, part))]))], columns: parts.Length);
        console.Line($"written: {summary}, {picture}; models in {Path.Combine(running.Folder, ModelFolder.Models)}");

        Curve Curve(FusionKey key, string part)
        {
            var epochs = curves(key).Epochs;
            return new Curve($"{key}", [.. epochs.Select((_, epoch) => epoch + 1.0)], [.. epochs.Select(epoch => epoch[part])], Style: LossColors.Of(key.Loss, key.Structure));
        }

        static string Cell(double value) => ResultsTable.Cell(value, "F3");
    }
}
