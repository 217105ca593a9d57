using Contrastive.Samples.AlignFeatures.Data;
using Contrastive.Samples.AlignFeatures.Reporting;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>A finished run: its figures and its curves.</summary>
public sealed record FinishedRun(RunResult Result, RunCurves Curves);

/// <summary>
/// Runs the grid of losses, batch sizes and seeds. After each epoch a checkpoint holds the finished runs and the state of
/// the one under way, so an experiment stopped anywhere goes on from the last epoch with the same final figures.
/// </summary>
internal sealed class Experiment(AlignSettings settings, PairedData data, Device device, Outputs outputs)
{
    private sealed record Header(AlignSettings Settings, string Data, IReadOnlyList<FinishedRun> Finished, RunCurves? Underway);

    private readonly List<FinishedRun> _finished = [];
    private RunCurves? _underway;
    private CheckpointFile? _restored;

    /// <summary>Takes up an earlier experiment. Nothing changes until all of it has been checked.</summary>
    /// <exception cref="UserError">The checkpoint is damaged or of other settings or data.</exception>
    public void Resume(string checkpoint)
    {
        var file = CheckpointFile.Open(checkpoint);
        var header = file.Header<Header>();
        SettingsComparison.Check(checkpoint, header.Settings, settings);
        if (header.Data != data.Digest)
            throw new UserError($"{checkpoint}: the checkpoint was made with other data (digest {header.Data}, here {data.Digest})");
        var grid = RunKey.Grid(settings);
        if (header.Finished.Count > grid.Count || header.Finished.Where((run, i) => run.Result.Key != grid[i]).Any())
            throw new UserError($"{checkpoint}: the finished runs are not those of these settings");
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
        var grid = RunKey.Grid(settings);
        var train = data.Items - Split.TestItems(data.Items, settings.TestFraction);
        double Steps(RunKey key, int epochs) => (double)epochs * TrainingRun.StepsPerEpoch(train, key.BatchSize);
        Progress.Run(console, "training", grid.Sum(key => Steps(key, settings.Epochs)), progress =>
        {
            progress.Advance(grid.Take(_finished.Count).Sum(key => Steps(key, settings.Epochs)));
            foreach (var key in grid.Skip(_finished.Count))
            {
                progress.Advance(_underway is null ? 0 : Steps(key, _underway.Epochs), key.ToString());
                var run = Run(key, Step, console.Cancellation);
                progress.Line($"{key}: recall@1 {run.Result.RecallAt1:F3}, MRR {run.Result.Mrr:F3}, {run.Result.Seconds:F1} s");
            }

            void Step()
            {
                progress.Advance();
                afterStep();
            }
        });
        return _finished;
    }

    private FinishedRun Run(RunKey key, Action step, CancellationToken cancellation)
    {
        using var run = new TrainingRun(key, settings, data, device);
        if (_underway is not null)
            _restored!.Restore(run.Parts);
        var curves = _underway ?? RunCurves.Empty;
        _underway = null;
        while (curves.Epochs < settings.Epochs)
        {
            curves = run.Epoch(curves, step, cancellation);
            if (curves.Epochs < settings.Epochs)
                Save(curves, run.Parts);
        }

        var finished = new FinishedRun(RunResult.Of(key, run.Held(), curves.Seconds), curves);
        run.Towers.Save(outputs.Towers(key));
        _finished.Add(finished);
        Save(underway: null, new CheckpointParts());
        return finished;
    }

    private void Save(RunCurves? underway, CheckpointParts parts)
        => CheckpointFile.Save(outputs.CheckpointPath, new Header(settings, data.Digest, _finished, underway), parts);
}
