using Contrastive.Distributed;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// The runs of a grid, several at a time. A finished run is a line of a file and a run under way has a checkpoint, so an experiment
/// that was stopped anywhere goes on with the next step, to the same final figures.
/// </summary>
internal sealed class Experiment(ShapesSettings settings, Device device, Outputs outputs, RunOptions options)
{
    private readonly RunRecords<RunKey, RunResult> _finished = new(outputs.Runs, settings.OfOneRun, writes: options.Ranks.Rank == 0, mixed: false);

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
        var data = new SharedData([.. settings.Grid.Where(key => _finished.Find(key) is null)], seed => ShapeData.Draw(settings.Pairs, (int)seed, device));
        // A process that ended sooner than the first would end it in the midst of its checkpoint.
        var watched = options.Ranks.Rank == 0 ? console : new SampleConsole(console.Output, Interactive: false, CancellationToken.None);
        return Workers.Run(
            watched, "training", "runs", settings.Grid, _finished.Find, Steps, options.Workers, (key, progress) =>
            {
                set_num_threads(options.Threads);
                var loop = new TrainingLoop(progress, options.Checkpoints(), watched.Cancellation, afterStep);
                var result = data.With(key.Seed, pairs => Run(key, pairs, loop));
                if (result is not null)
                    progress.Line($"{key}: held-out zero-shot {result.HeldOut.Top1:F3}, recall@1 {result.Retrieval.RecallAt1:F3}, {result.Seconds:F0} s");
                return result;
            });

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
                SettingsChange.Refuse(checkpoint, header.Settings.OfOneRun, settings.OfOneRun);
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
        _finished.Add(key, result);
        File.Delete(checkpoint);
        return result;
    }

    /// <summary>A run under way, in its checkpoint.</summary>
    private sealed record Header(ShapesSettings Settings, RunCurves Curves);
}

/// <summary>Data sets by seed, drawn once for all runs of a seed; one goes with the last run that needs it.</summary>
internal sealed class SharedData(IReadOnlyList<RunKey> runs, Func<long, ShapeData> draw)
{
    private readonly Dictionary<long, int> _left = runs.CountBy(run => run.Seed).ToDictionary();
    private readonly Dictionary<long, Lazy<ShapeData>> _data = runs.Select(run => run.Seed).Distinct()
        .ToDictionary(seed => seed, seed => new Lazy<ShapeData>(() => draw(seed)));

    public T With<T>(long seed, Func<ShapeData, T> use)
    {
        try
        {
            return use(_data[seed].Value);
        }
        finally
        {
            lock (_left)
            {
                if (--_left[seed] == 0 && _data[seed].IsValueCreated)
                    _data[seed].Value.Dispose();
            }
        }
    }
}

/// <summary>How an experiment runs. None of it changes a figure, but for the last digits, which the threads round.</summary>
/// <param name="Workers">Runs at a time.</param>
/// <param name="Threads">Of each.</param>
/// <param name="Checkpoints">When a run's checkpoints are due.</param>
/// <param name="Ranks">The processes that train a run together; the first of them writes the files.</param>
internal sealed record RunOptions(int Workers, int Threads, Func<CheckpointInterval> Checkpoints, Communicator Ranks);
