using System.Text.Json;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Training;

/// <summary>Trains runs side by side, each from its checkpoint where it left one.</summary>
internal sealed class RunFolder(Running running, object settings, SampleConsole console, Action afterStep)
{
    private readonly JsonElement _settings = JsonSerializer.SerializeToElement(settings, SampleJson.Exact);

    private sealed record Header(FusionKey Run, FusionCurves Curves, JsonElement Settings);

    /// <param name="title">What progress calls it.</param>
    /// <param name="keys">What there is to do.</param>
    /// <param name="create">Makes a run, with its first weights.</param>
    /// <param name="finish">Takes what was trained.</param>
    public void Train<TRun>(string title, IReadOnlyList<FusionKey> keys, Func<FusionKey, TRun> create, Action<FusionKey, TRun, Progress> finish)
        where TRun : FusionRun
    {
        if (keys.Count == 0)
            return;
        OutputFolder.Make(running.Folder, "runs");
        Progress.Run(console, title, keys.Count, progress => Workers.Run(keys.Count, Math.Min(running.Parallel, keys.Count), job =>
        {
            // So small a model gains nothing from a second one.
            set_num_threads(1);
            using var run = create(keys[job]);
            var checkpoint = running.CheckpointOf(keys[job]);
            if (File.Exists(checkpoint))
                CheckpointResume.From(checkpoint, file => Restore(run, keys[job], checkpoint, file));
            Train(run, keys[job], checkpoint, progress);
            finish(keys[job], run, progress);
            File.Delete(checkpoint);
        }, console.Cancellation));
    }

    private void Train(FusionRun run, FusionKey key, string checkpoint, Progress progress)
    {
        // Runs differ in length: a run is the unit of the whole, and its steps are shares of it.
        var loop = new TrainingLoop(
            progress, CheckpointOption.Parse("--checkpoint-every", running.Checkpoint), console.Cancellation, afterStep, 1.0 / run.Steps);
        loop.Run(run, () => CheckpointFile.Save(checkpoint, new Header(key, run.Curves, _settings), run.Parts));
    }

    private void Restore(FusionRun run, FusionKey key, string checkpoint, CheckpointFile file)
    {
        var header = file.Header<Header>();
        if (header.Run != key || !JsonElement.DeepEquals(header.Settings, _settings))
            throw new UserError($"{checkpoint}: was made with other settings or data; remove it or choose another --out");
        run.Restore(file, header.Curves);
    }
}
