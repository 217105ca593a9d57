using Contrastive.Distributed;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Training;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>
/// The runs, several at a time on one thread each. Every run has towers of the same size and, in equal epochs, sees the same number of
/// samples: a pair of one language sees each name as often as the shared pair sees names in all languages together.
/// </summary>
internal sealed class LanguageExperiment
{
    private readonly LanguagesSettings _settings;
    private readonly NamedPictures _named;
    private readonly Device _device;
    private readonly Running _running;
    private readonly RunRecords<LanguageKey, LanguageResult> _records;

    /// <param name="settings">What to run.</param>
    /// <param name="named">What on.</param>
    /// <param name="device">Where.</param>
    /// <param name="running">How.</param>
    /// <exception cref="UserError">There are too few items, or the file of the finished runs is damaged.</exception>
    public LanguageExperiment(LanguagesSettings settings, NamedPictures named, Device device, Running running)
    {
        (_settings, _named, _device, _running) = (settings, named, device, running);
        Items = named.Items();
        Split = Split.Of(Items, settings.Training);
        foreach (var languages in settings.Grid.Select(key => key.Languages).Distinct())
        {
            var items = TrainItems(languages).Count;
            if (settings.Training.BatchSizes[0] > items)
                throw new UserError($"--batch-size {settings.Training.BatchSizes[0]}: there are only {items} items to train on with names in {languages}");
        }

        _records = new RunRecords<LanguageKey, LanguageResult>(running.Records, settings.OfOneRun);
    }

    /// <summary>The pictures of each.</summary>
    public IReadOnlyList<int[]> Items { get; }

    public Split Split { get; }

    /// <returns>The finished runs in the order of the grid.</returns>
    public IReadOnlyList<(LanguageKey Key, LanguageResult Result)> Run(SampleConsole console, Action afterStep)
    {
        var grid = _settings.Grid;
        var done = new LanguageResult?[grid.Count];
        Progress.Run(console, "training", grid.Sum(Steps), progress =>
        {
            if (grid.Count(key => _records.Find(key) is not null) is > 0 and var count)
                progress.Line($"{count} of {grid.Count} runs are finished already");
            Workers.Run(grid.Count, Math.Min(_running.Parallel, grid.Count), run =>
            {
                set_num_threads(1);
                // A run is short: what is stopped is done again from its beginning.
                var loop = new TrainingLoop(progress, CheckpointInterval.EverySteps(long.MaxValue), console.Cancellation, afterStep);
                done[run] = FindOrRun(grid[run], loop, progress);
            }, console.Cancellation);
        });
        return [.. grid.Zip(done).Where(run => run.Second is not null).Select(run => (run.First, run.Second!))];
    }

    private double Steps(LanguageKey key) => (_settings.Training with { Epochs = key.Epochs }).Steps(key.BatchSize, Split.Train.Count);

    private IReadOnlyList<int[]> TrainItems(string languages)
    {
        var pictures = _named.With(LanguageKey.Apart(languages)).Pictures;
        return [.. Split.Train.Select(item => item.Where(picture => pictures[picture].Captions.Count > 0).ToArray()).Where(item => item.Length > 0)];
    }

    /// <summary>Null where it is not finished and nothing is to be trained.</summary>
    private LanguageResult? FindOrRun(LanguageKey key, TrainingLoop loop, Progress progress)
    {
        if (_records.Find(key) is { } finished)
        {
            progress.Skip(Steps(key));
            return finished;
        }

        if (_running.FinishedOnly)
            return null;
        var training = _settings.Training with { Epochs = key.Epochs };
        using var run = new SearchRun(key.Search, training, _named.With(key.Each), TrainItems(key.Languages), _device, Communicator.Single, (long)Steps(key));
        var measurement = new LanguageMeasurement(_named, Split.Scored, _device);
        var untrained = key.IsShared ? measurement.Names(run.Towers, key.Each) : null;
        loop.Run(run, save: () => { });
        var result = measurement.Of(key, run, untrained);
        if (_running.Models is { } models)
            SavedModel.Save(Path.Combine(models.Folder, ModelFolder.Models, key.FileName), run.Towers, key.Search, training, key.Each);
        _records.Add(key, result);
        progress.Line($"{key}: {(training.Validation ? "validation " : "")}{result.Summary}");
        return result;
    }
}
