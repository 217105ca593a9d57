using System.Text.Json;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>Measures the gradients of saved models: a table on the console, and every figure in a file.</summary>
internal static class BiasProgram
{
    private static readonly string[] Compared = [Losses.Baseline, "gamma-mean"];

    public static void Run(BiasSettings settings, string folder, SampleConsole console, Action afterEach)
    {
        var device = Devices.Of(settings.Device);
        var entries = new List<BiasEntry>();
        var batches = Compared.Length * settings.BatchSizes.Sum(size => (double)settings.Passes * (settings.Pairs / size) * size);
        Check(settings);
        OutputFolder.Make(folder);
        set_num_threads(settings.Threads);
        var summary = Path.Combine(folder, "summary.json");
        console.Stoppable(
            () => Progress.Run(console, "gradient bias", batches * settings.Models.Count, progress =>
            {
                foreach (var path in settings.Models)
                    Measure(path, settings, device, progress, console, Keep);
            }),
            () => entries.Count > 0
                ? $"{entries.Count} of {settings.Models.Count * settings.BatchSizes.Count * Compared.Length} measurements are finished; they are in {summary}"
                : null);
        console.Line();
        Table(entries, settings, console);
        console.Line();
        console.Line($"written: {summary}");

        // One by one, so that whatever ends the program leaves what is finished.
        void Keep(BiasEntry entry)
        {
            entries.Add(entry);
            SummaryFile.Write(summary, entries, settings);
            afterEach();
        }
    }

    /// <summary>What can be wrong with a model is known before the first is measured.</summary>
    private static void Check(BiasSettings settings)
    {
        var folders = settings.Models.Select(path => (Path: path, Folder: Path.TrimEndingDirectorySeparator(Path.GetFullPath(ModelFolder.Find(path)))));
        if (folders.GroupBy(model => model.Folder).FirstOrDefault(group => group.Count() > 1) is { } repeated)
            throw new UserError($"--model: {string.Join(" and ", repeated.Select(model => $"'{model.Path}'"))} are one model");
        foreach (var path in settings.Models)
        {
            using var model = SavedModel.Load(path, CPU);
            if (Trained(path, model.Description).Pairs is var pairs && pairs < settings.Pairs)
                throw new UserError($"--pairs {settings.Pairs}: {path} was trained on only {pairs}");
        }
    }

    private static ShapesSettings Trained(string path, ModelDescription model)
    {
        try
        {
            return model.Settings.Deserialize<ShapesSettings>(SampleJson.Exact) ?? throw new JsonException("they are null");
        }
        catch (JsonException problem)
        {
            throw new UserError($"--model {path}: the settings it was trained with are damaged or of another version: {problem.Message}", problem);
        }
    }

    private static void Measure(string path, BiasSettings settings, Device device, Progress progress, SampleConsole console, Action<BiasEntry> keep)
    {
        using var model = SavedModel.Load(path, device);
        using var data = ShapeData.Draw(Trained(path, model.Description).Pairs, (int)model.Description.Run.Seed, device);
        using var random = new Generator((ulong)settings.Seed, device);
        using var measurement = new BiasMeasurement(model.Towers, model.Description.Temperature, data.Train, settings.Pairs, random);
        foreach (var batchSize in settings.BatchSizes)
        {
            foreach (var loss in Compared)
            {
                var report = measurement.Run(loss, batchSize, settings.Passes, random, () =>
                {
                    console.Cancellation.ThrowIfCancellationRequested();
                    progress.Advance(batchSize, $"{model.Description.Run} | {loss} at B = {batchSize}", batchSize);
                });
                keep(new BiasEntry(
                    path, model.Description.Run, model.Description.Temperature, loss, batchSize, report.RelativeBias, report.CorrectedRelativeBias,
                    report.StandardError, report.CosineSimilarity, report.FullGradientNorm, report.BatchNoise, report.Batches));
            }
        }
    }

    private static void Table(IReadOnlyList<BiasEntry> entries, BiasSettings settings, SampleConsole console)
    {
        console.Line($"‖E[g_B] - g‖ / ‖g‖ of {settings.Pairs} training pairs{(settings.Models.Count > 1 ? $", means of {settings.Models.Count} models ± one standard deviation" : "")}");
        var table = new ResultsTable("loss", "B", "bias", "noise floor", "cosine", "one batch's noise");
        foreach (var group in entries.GroupBy(entry => (entry.BatchSize, entry.Loss)).OrderBy(group => group.Key.BatchSize))
        {
            table.Row(
                group.Key.Loss,
                $"{group.Key.BatchSize}",
                Mean(entry => entry.CorrectedRelativeBias),
                Mean(entry => entry.NoiseFloor),
                Mean(entry => entry.Cosine),
                Mean(entry => entry.BatchNoise));

            string Mean(Func<BiasEntry, double> figure) => Spread.Of(group.Select(figure)).Text();
        }

        table.Write(console.Output);
        console.Line("g: InfoNCE's gradient over all of them at once. Bias: less what chance adds; 0 where it is lost in the noise floor.");
        if (entries.Select(entry => entry.Temperature).Distinct().Count() > 1)
            console.Line("warning: the models have different temperatures, and so different g");
    }
}
