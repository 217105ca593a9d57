using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Models;
using Contrastive.Samples.FusionModel.Training;
using ScottPlot;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel;

/// <summary>A line of the summary of a fine-tuning.</summary>
internal sealed record TaskLine(
    string Task, string Pretraining, string Loss, string Structure, long Seed, double Accuracy, double Majority, double WithoutPicture, double WithoutText);

/// <summary>The command <c>finetune</c>.</summary>
internal static class Finetuning
{
    private const int Features = 64;

    /// <exception cref="UserError">Something has to be put right.</exception>
    public static void Run(FinetuneSettings settings, FusionTask task, Running running, SampleConsole console, Action afterStep)
    {
        var device = Devices.Of(settings.Device);
        var pretrained = settings.Model is { } model ? SavedFusion.FindFor(task, model) : [];
        if (pretrained.Count > 0)
        {
            // One data set for all of them, of the size they take.
            var first = pretrained[0].Description.Sizes;
            settings = settings with { Side = first.Side, Width = first.Width, Layers = first.Layers, Seeds = [.. pretrained.Select(one => one.Description.Run.Seed).Distinct()] };
            if (pretrained.FirstOrDefault(one => one.Description.Sizes.Side != first.Side) is { Description: not null } other)
                throw new UserError($"--model {settings.Model}: {other.Folder} takes pictures of {other.Description.Sizes.Side} pixels a side, others of {first.Side}");
        }

        if (settings.Images is null && TaskData.SideOf(settings.Scenes) is var side && side != settings.Side)
            throw new UserError(pretrained.Count > 0
                ? $"--model {settings.Model}: takes pictures of {settings.Side} pixels a side, but the drawn scenes have {side}; --scenes of pretrain and of finetune reasoning says what is drawn"
                : $"drawn scenes have {side} pixels a side: --picture-size {settings.Side} is for files");
        var data = settings.Images is { } images
            ? TaskData.Read(task, images, settings.Train!, settings.Test!, settings.Side, settings.Boxes, console)
            : TaskData.Draw(task, settings.Drawn, settings.DrawnTest, seed: 0, settings.Scenes ?? DrawnScenes.Places);
        settings = settings with { DataDigest = data.Digest };
        string[] texts = [.. data.Train.Select(example => example.Text), .. data.Answers];
        var sizes = new FusionSizes(data.Side, settings.Width, settings.Layers, Features, data.Boxes, CaptionTokenizer.Of(texts).Vocabulary);
        FusionKey[] blind = [.. from seed in settings.Seeds from hidden in new[] { FusionKey.Picture, FusionKey.Text }
                                select new FusionKey(settings.Task, FusionKey.None, FusionKey.None, Structures.None, seed, hidden)];
        FusionKey[] keys = pretrained.Count == 0
            ? [.. settings.Seeds.Select(seed => new FusionKey(settings.Task, FusionKey.None, FusionKey.None, Structures.None, seed))]
            : [.. pretrained.Select(one => one.Description.Run.FineTunedFor(settings.Task, one.Description.Sha256[..12]))];
        OutputFolder.Make(running.Folder, ModelFolder.Models);
        var records = new RunRecords<FusionKey, TaskResult>(running.Records, settings.OfOneRun);
        console.Line($"{settings.Task}: {data.Train.Count} examples to learn from, {data.Test.Count} to score on, {data.Answers.Count} answers, majority {data.Majority:F3}");

        FusionKey[] missing = [.. keys.Concat(blind).Where(key => records.Find(key) is null)];
        if (missing.Length < keys.Length + blind.Length)
            console.Line($"{keys.Length + blind.Length - missing.Length} of {keys.Length + blind.Length} runs are finished already");
        foreach (var key in keys.Where(key => records.Find(key) is not null && !Directory.Exists(running.Model(key))))
            console.Line($"{key}: finished, as {running.Records} says, but its model is not in {running.Folder}: give another --records to train it again");
        new RunFolder(running, settings.OfOneRun, console, afterStep).Train($"fine-tuning {settings.Task}", missing, Create, (key, run, progress) =>
        {
            var (accuracy, forms) = run.Score();
            if (key.Without.Length == 0)
                SavedFusion.Save(running.Model(key), run.Net, key, settings);
            records.Add(key, new TaskResult(accuracy, forms, run.Curves.Seconds));
            progress.Line($"{key}: {accuracy:F3}{string.Concat(forms.Select(form => $", {form.Key} {form.Value:F3}"))}");
        });

        Report(settings, data, keys, blind, key => records.Find(key)!, running, console);

        TaskRun Create(FusionKey key)
        {
            using var weights = Streams.Weights(key.Seed);
            var pace = key.Without.Length > 0 ? settings.Pace with { Epochs = settings.BlindEpochs } : settings.Pace;
            var net = pretrained.FirstOrDefault(one => key.Model.Length > 0 && one.Description.Sha256.StartsWith(key.Model, StringComparison.Ordinal)) is { Folder: { } folder, Description: { } description }
                ? Pretrained(folder, description, weights)
                : new TaskNet(task, sizes, data.Answers, weights);
            return new TaskRun(key, net, data, anyOrder: !settings.Ordered, pace, device);
        }

        TaskNet Pretrained(string folder, FusionDescription description, Generator weights)
        {
            var own = description.Sizes with { Boxes = data.Boxes, Vocabulary = Vocabulary.Extended(description.Sizes.Vocabulary, texts) };
            var net = new TaskNet(task, own, data.Answers, weights);
            if (description.Task is null)
            {
                using var before = SavedFusion.LoadPretrained(folder, description);
                net.Fusion.TakeFrom(before);
            }
            else
            {
                using var before = SavedFusion.LoadTask(folder, CPU);
                net.TakeFrom(before);
            }

            return net;
        }
    }

    private static void Report(
        FinetuneSettings settings, TaskData data, FusionKey[] keys, FusionKey[] blind, Func<FusionKey, TaskResult> result, Running running, SampleConsole console)
    {
        TaskLine[] lines = [.. keys.Select(key => new TaskLine(
            key.Task, key.Pretraining, key.Loss, key.Structure, key.Seed, result(key).Accuracy, data.Majority, Blind(key.Seed, FusionKey.Picture), Blind(key.Seed, FusionKey.Text)))];
        var groups = lines.Zip(keys).GroupBy(pair => pair.Second.Start, pair => pair.First).ToArray();
        var table = new ResultsTable("pretraining", "seeds", "accuracy", "majority", "without picture", "without text");
        foreach (var group in groups)
            table.Row(group.Key, $"{group.Count()}", Over(group, line => line.Accuracy), Over(group, line => line.Majority), Over(group, line => line.WithoutPicture), Over(group, line => line.WithoutText));
        table.Write(console.Output);
        var summary = Path.Combine(running.Folder, "summary.json");
        SummaryFile.Write(summary, lines, settings);
        var picture = Path.Combine(running.Folder, "accuracy.png");
        PlotFile.WriteSheet(picture, [plot => Draw(plot, settings.Task, groups)], 760, 440, 1);
        console.Line($"written: {summary}, {picture}; models in {Path.Combine(running.Folder, ModelFolder.Models)}");
        if (settings.Images is null && Directory.Exists(running.Model(keys[0])))
            Suggest();

        // A test scene that has no file yet, for a first question.
        void Suggest()
        {
            var (example, scene) = (data.Test[0], Path.Combine(running.Folder, "scene.png"));
            BoxPictures.Write(scene, data.Pictures[example.Picture], data.Boxes, data.Side);
            console.Line($"to try: ask --model {running.Model(keys[0])} --picture {scene} --text \"{example.Text}\"  ({data.Answers[example.Answer]})");
        }

        double Blind(long seed, string hidden) => result(blind.Single(key => key.Seed == seed && key.Without == hidden)).Accuracy;

        static string Over(IEnumerable<TaskLine> group, Func<TaskLine, double> figure) => Spread.Of(group.Select(figure)).Text();
    }

    // What no loss has pretrained.
    private static readonly CurveStyle Known = new("#999999");

    /// <summary>A bar a pretraining, and those of what is known without one of the two.</summary>
    private static void Draw(Plot plot, string task, IGrouping<string, TaskLine>[] groups)
    {
        (string Name, Spread Accuracy, CurveStyle Style)[] bars =
        [
            ("majority", Spread.Of(groups[0].Select(line => line.Majority)), Known),
            ("without picture", Spread.Of(groups[0].Select(line => line.WithoutPicture)), Known),
            ("without text", Spread.Of(groups[0].Select(line => line.WithoutText)), Known),
            .. groups.Select(group => (
                group.Key,
                Spread.Of(group.Select(line => line.Accuracy)),
                group.First().Loss == FusionKey.None ? Known : LossColors.Of(group.First().Loss, group.First().Structure))),
        ];
        foreach (var (place, bar) in bars.Index())
        {
            plot.Add.Bar(new Bar
            {
                Position = place,
                Value = bar.Accuracy.Mean,
                Error = double.IsNaN(bar.Accuracy.StandardDeviation) ? 0 : bar.Accuracy.StandardDeviation,
                FillColor = Color.FromHex(bar.Style.Color!),
            });
        }

        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual([.. bars.Select((_, place) => (double)place)], [.. bars.Select(bar => bar.Name)]);
        plot.Axes.SetLimitsY(0, 1);
        plot.Title(task);
        plot.YLabel("accuracy");
    }
}
