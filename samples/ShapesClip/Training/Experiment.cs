using Contrastive.Distributed;
using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Samples.ShapesClip.Reporting;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>
/// The runs of a grid, several at a time. A finished run is one file and a run under way has a checkpoint, so an experiment
/// that was stopped anywhere goes on with the next step, to the same final figures.
/// </summary>
internal sealed class Experiment(ShapesSettings settings, Device device, Outputs outputs, RunOptions options)
{
    /// <exception cref="UserError">A batch would have more items than there are, or fewer than processes.</exception>
    public void Check()
    {
        if (settings.BatchSizes.Max() is var largest && largest > settings.Pairs)
            throw new UserError($"--batch-size {largest}: there are only {settings.Pairs} items to train on");
        Ranks.CheckBatch(options.Ranks, settings.BatchSizes.Min());
    }

    /// <returns>All runs; of several processes the first alone measures, and has those that were not finished before.</returns>
    public IReadOnlyList<RunResult> Run(SampleConsole console, Action afterStep)
    {
        var grid = settings.Grid;
        var results = grid.Select(key => RunFile.Read(outputs.Run(key), settings)).ToArray();
        var missing = Enumerable.Range(0, grid.Count).Where(run => results[run] is null).ToArray();
        using var data = new SharedData<ShapeData>(seed => ShapeData.Draw(settings.Pairs, (int)seed, device));
        // A process that ended sooner than the first would end it in the midst of its checkpoint.
        var stop = options.Ranks.Rank == 0 ? console.Cancellation : CancellationToken.None;
        Progress.Run(console, "training", grid.Sum(Steps), progress =>
        {
            if (missing.Length < grid.Count)
                progress.Line($"{grid.Count - missing.Length} of {grid.Count} runs are finished already");
            progress.Skip(grid.Sum(Steps) - missing.Sum(run => Steps(grid[run])));
            Workers.Run(missing.Length, options.Workers, job =>
            {
                set_num_threads(options.Threads);
                var key = grid[missing[job]];
                var loop = new TrainingLoop(progress, options.Checkpoints(), stop, afterStep);
                if ((results[missing[job]] = data.With(key.Seed, pairs => Run(key, pairs, loop))) is { } result)
                    progress.Line($"{key}: held-out zero-shot {result.HeldOut.Top1:F3}, recall@1 {result.Retrieval.RecallAt1:F3}, {result.Seconds:F0} s");
            }, stop);
        });
        return results!;

        double Steps(RunKey key) => key.Steps(settings.Pairs, settings.Epochs);
    }

    private RunResult? Run(RunKey key, ShapeData data, TrainingLoop loop)
    {
        using var run = new TrainingRun(key, settings, data, towers => Measurement.Glance(towers, data), device, options.Ranks);
        var checkpoint = outputs.Checkpoint(key);
        if (File.Exists(checkpoint))
        {
            CheckpointResume.From(checkpoint, file =>
            {
                var header = file.Header<Header>();
                RunFile.CheckSettings(checkpoint, header.Settings, settings);
                run.Restore(file, header.Curves);
            });
        }

        loop.Run(run, save: () =>
        {
            if (options.Ranks.Rank == 0)
                CheckpointFile.Save(checkpoint, new Header(settings.OfOneRun, run.Curves), run.Parts);
        });
        if (options.Ranks.Rank > 0)
            return null;
        var result = Measurement.Full(key, settings, run.Towers, data, run.Curves);
        SavedModel.Save(outputs.Model(key), run.Towers, key, settings, run.Temperature);
        RunFile.Write(outputs.Run(key), settings, result);
        File.Delete(checkpoint);
        return result;
    }

    private sealed record Header(ShapesSettings Settings, RunCurves Curves);
}

/// <summary>How an experiment runs. None of it changes a figure, but for the last digits, which the threads round.</summary>
/// <param name="Workers">Runs at a time.</param>
/// <param name="Threads">Of each.</param>
/// <param name="Checkpoints">When a run's checkpoints are due.</param>
/// <param name="Ranks">The processes that train a run together; the first of them writes the files.</param>
internal sealed record RunOptions(int Workers, int Threads, Func<CheckpointInterval> Checkpoints, Communicator Ranks);
