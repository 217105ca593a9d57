using Contrastive.Distributed;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Reporting;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>What an experiment is made on.</summary>
/// <param name="Pictures">Of all items.</param>
/// <param name="Items">How many items there are.</param>
/// <param name="Split">Which are trained on and which are scored.</param>
internal sealed record ExperimentData(PictureCollection Pictures, int Items, Split Split);

/// <summary>What an experiment does beside its figures.</summary>
/// <param name="Records">The file of the finished runs.</param>
/// <param name="Models">Where trained towers go; null to let them go.</param>
/// <param name="Parallel">How many runs at a time.</param>
/// <param name="FinishedOnly">Nothing is trained: what the file has is all there is.</param>
/// <param name="Ranks">The processes that train a run together; the first of them writes the files.</param>
internal sealed record Running(string Records, Outputs? Models, int Parallel, bool FinishedOnly, Communicator Ranks);

/// <summary>The runs of a grid, several at a time on one thread each. A finished run is a line of a file and is not done again.</summary>
internal sealed class Experiment
{
    private readonly SearchSettings _settings;
    private readonly Device _device;
    private readonly Running _running;
    private readonly RunRecords<SearchKey, SearchResult> _records;
    private readonly Experiment? _validation;

    /// <param name="settings">What to run.</param>
    /// <param name="pictures">What on.</param>
    /// <param name="device">Where.</param>
    /// <param name="running">How.</param>
    /// <exception cref="UserError">There are too few items, or the file of the finished runs is damaged.</exception>
    public Experiment(SearchSettings settings, PictureCollection pictures, Device device, Running running)
    {
        (_settings, _device, _running) = (settings, device, running);
        var items = ImageSearch.Data.Items.Of(pictures.Pictures);
        Data = new ExperimentData(pictures, items.Count, Split.Of(items, settings));
        if (settings.BatchSizes.Max() is var largest && largest > Data.Split.Train.Count)
            throw new UserError($"--batch-size {largest}: there are only {Data.Split.Train.Count} items to train on");
        Ranks.CheckBatch(running.Ranks, settings.BatchSizes.Min());
        _records = new RunRecords<SearchKey, SearchResult>(running.Records, settings.OfOneRun, writes: running.Ranks.Rank == 0);
        if (settings.Tuned)
            _validation = new Experiment(settings with { Tuned = false, Validation = true }, pictures, device, running with { Models = null });
    }

    public ExperimentData Data { get; }

    /// <returns>The finished runs in the order of the grid.</returns>
    public IReadOnlyList<(SearchKey Key, SearchResult Result)> Run(SampleConsole console, Action afterStep)
    {
        // Tuned step sizes are chosen for all seeds at once.
        SearchKey[][] jobs = _settings.Tuned
            ? [.. _settings.Grid.GroupBy(key => (key.Loss, key.Memory, key.BatchSize, key.Structure)).Select(group => group.ToArray())]
            : [.. _settings.Grid.Select(key => new[] { key })];
        var done = new (SearchKey Key, SearchResult Result)[jobs.Length][];
        Progress.Run(console, "training", jobs.Sum(Steps), progress =>
        {
            if (jobs.Sum(job => WithStepSizes(job, _validation is null ? null : _validation._records.Find).Count(key => _records.Find(key) is not null)) is > 0 and var count)
                progress.Line($"{count} of {_settings.Grid.Count} runs are finished already");
            Workers.Run(jobs.Length, Math.Min(_running.Parallel, jobs.Length), job =>
            {
                set_num_threads(1);
                // A run is short: what is stopped is done again from its beginning.
                var loop = new TrainingLoop(progress, CheckpointInterval.EverySteps(long.MaxValue), console.Cancellation, afterStep);
                done[job] = [.. Run(jobs[job], loop, progress)];
            }, console.Cancellation);
        });
        return [.. done.SelectMany(runs => runs)];

        double Steps(SearchKey[] job)
            => (job.Length + (_settings.Tuned ? StepSizeChoice.Fewest : 0)) * (double)_settings.Steps(job[0].BatchSize, Data.Split.Train.Count);
    }

    private IEnumerable<(SearchKey Key, SearchResult Result)> Run(SearchKey[] keys, TrainingLoop loop, Progress progress)
    {
        foreach (var key in WithStepSizes(keys, _validation is null ? null : key => _validation.FindOrRun(key, loop, progress)))
        {
            if (FindOrRun(key, loop, progress) is { } result)
                yield return (key, result);
        }
    }

    /// <summary>Runs with the step size that is best on validation items with the first of their seeds; none where that is not known.</summary>
    private static SearchKey[] WithStepSizes(SearchKey[] keys, Func<SearchKey, SearchResult?>? validation)
    {
        if (validation is null)
            return keys;
        var first = keys.MinBy(key => key.Seed)!;
        return StepSizeChoice.Of(first.Rate, rate => validation(first with { LearningRate = rate })?.RecallAt1) is { } chosen
            ? [.. keys.Select(key => key with { LearningRate = chosen })]
            : [];
    }

    /// <summary>Null where it is not finished and nothing is to be trained.</summary>
    private SearchResult? FindOrRun(SearchKey key, TrainingLoop loop, Progress progress)
    {
        if (_records.Find(key) is { } finished)
        {
            progress.Skip(_settings.Steps(key.BatchSize, Data.Split.Train.Count));
            return finished;
        }

        if (_running.FinishedOnly)
            return null;
        using var run = new SearchRun(key, _settings, Data.Pictures, Data.Split.Train, _device, _running.Ranks);
        loop.Run(run, save: () => { });
        var result = Measurement.Of(key, run, _settings, Data, _device);
        if (_running.Models is { } models)
            SavedModel.Save(models.Model(key), run.Towers, key, _settings);
        _records.Add(key, result);
        progress.Line($"{key}: {(_settings.Validation ? "validation " : "")}{result.Summary}");
        return result;
    }
}
