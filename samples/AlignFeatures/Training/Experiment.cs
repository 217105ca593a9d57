using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>
/// Runs the grid of losses, batch sizes and seeds. A checkpoint holds the finished runs and the state of the one under way, so
/// an experiment stopped after any step goes on with the next, to the same final figures.
/// </summary>
internal sealed class Experiment(AlignSettings settings, PairedData data, Device device, Outputs outputs, CheckpointInterval interval)
{
    private sealed record Header(AlignSettings Settings, string Data, IReadOnlyList<FinishedRun> Finished, RunCurves? Underway);

    // Files may have moved; their content is compared by its digest.
    private static readonly string[] Places = ["left", "right", "labels", "items"];

    private readonly List<FinishedRun> _finished = [];
    private RunCurves? _underway;
    private CheckpointFile? _restored;

    /// <summary>Takes up an earlier experiment. Nothing changes until all of it has been checked.</summary>
    /// <exception cref="UserError">The checkpoint is of other settings or data, or damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public void Resume(string checkpoint) => CheckpointResume.From(checkpoint, file => TakeUp(checkpoint, file));

    private void TakeUp(string checkpoint, CheckpointFile file)
    {
        var header = file.Header<Header>();
        if (SettingsChange.First(header.Settings, settings, Places) is var (name, was, now))
            throw new UserError($"{checkpoint}: the checkpoint was made with --{name.Replace('_', '-')} {was} but now it is {now}: choose another --out");
        if (header.Data != data.Digest)
            throw new UserError($"{checkpoint}: the checkpoint was made with other data (digest {header.Data}, here {data.Digest}): choose another --out");
        var grid = settings.Grid;
        if (header.Finished.Count > grid.Count || header.Finished.Where((run, i) => run.Key != grid[i]).Any())
            throw new UserError($"{checkpoint}: the finished runs are not those of these settings: choose another --out");
        if (header.Underway is not null)
        {
            using var probe = new TrainingRun(grid[header.Finished.Count], settings, data, device);
            file.Restore(probe.Parts);
        }

        _finished.AddRange(header.Finished);
        _underway = header.Underway;
        _restored = file;
    }

    public IReadOnlyList<FinishedRun> Run(SampleConsole console, Action afterStep)
    {
        var train = data.Items - Split.TestItems(data.Items, settings.TestFraction);
        return Workers.Run(
            console, "training", "runs", settings.Grid, Finished, key => key.Steps(train, settings.Epochs), threads: 1, (key, progress) =>
            {
                var run = Run(key, new TrainingLoop(progress, interval, console.Cancellation, afterStep));
                progress.Line($"{key}: recall@1 {run.Result.RecallAt1:F3}, MRR {run.Result.Mrr:F3}, {run.Result.Seconds:F1} s");
                return run;
            });

        FinishedRun? Finished(RunKey key) => _finished.Find(run => run.Key == key);
    }

    private FinishedRun Run(RunKey key, TrainingLoop loop)
    {
        using var run = new TrainingRun(key, settings, data, device);
        if (_underway is not null)
            run.Restore(_restored!, _underway);
        _underway = null;
        loop.Run(run, save: () => Save(run.Curves, run.Parts));

        WeightsFile.Save(outputs.Towers(key), run.Towers);
        var finished = new FinishedRun(RunResult.Of(key, run.Held(), settings.Probe ? run.Probes() : [], run.Curves.Seconds), run.Curves);
        _finished.Add(finished);
        Save(underway: null, new CheckpointParts());
        return finished;
    }

    private void Save(RunCurves? underway, CheckpointParts parts)
        => CheckpointFile.Save(outputs.CheckpointPath, new Header(settings, data.Digest, _finished, underway), parts);
}
