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

/// <summary>The runs of a grid, several at a time on one thread each. A finished run is a line of a file and is not done again.</summary>
internal sealed class Experiment
{
    private readonly SearchSettings _settings;
    private readonly Device _device;
    private readonly Outputs _outputs;
    private readonly RunRecords _records;
    private readonly int _parallel;

    /// <param name="settings">What to run.</param>
    /// <param name="pictures">What on.</param>
    /// <param name="device">Where.</param>
    /// <param name="outputs">Where the trained towers go.</param>
    /// <param name="records">The file of the finished runs.</param>
    /// <param name="parallel">How many at a time.</param>
    /// <exception cref="UserError">There are too few items, or the file of the finished runs is damaged.</exception>
    public Experiment(SearchSettings settings, PictureCollection pictures, Device device, Outputs outputs, string records, int parallel)
    {
        (_settings, _device, _outputs, _parallel) = (settings, device, outputs, parallel);
        var items = ImageSearch.Data.Items.Of(pictures.Pictures);
        Data = new ExperimentData(pictures, items.Count, Split.Of(items, settings));
        if (settings.BatchSizes.Max() is var largest && largest > Data.Split.Train.Count)
            throw new UserError($"--batch-size {largest}: there are only {Data.Split.Train.Count} items to train on");
        _records = RunRecords.Read(records, settings);
    }

    public ExperimentData Data { get; }

    public IReadOnlyList<SearchResult> Run(SampleConsole console, Action afterStep)
    {
        var grid = _settings.Grid;
        SearchKey[] missing = [.. grid.Where(key => _records.Find(key) is null)];
        Progress.Run(console, "training", grid.Sum(Steps), progress =>
        {
            if (missing.Length < grid.Count)
                progress.Line($"{grid.Count - missing.Length} of {grid.Count} runs are finished already");
            progress.Skip(grid.Sum(Steps) - missing.Sum(Steps));
            Workers.Run(missing.Length, Math.Min(_parallel, Math.Max(1, missing.Length)), job =>
            {
                set_num_threads(1);
                // A run is short: what is stopped is done again from its beginning.
                var loop = new TrainingLoop(progress, CheckpointInterval.EverySteps(long.MaxValue), console.Cancellation, afterStep);
                progress.Line($"{missing[job]}: {Run(missing[job], loop).Summary}");
            }, console.Cancellation);
        });
        return [.. grid.Select(key => _records.Find(key)!)];

        double Steps(SearchKey key) => _settings.Steps(key.BatchSize, Data.Split.Train.Count);
    }

    private SearchResult Run(SearchKey key, TrainingLoop loop)
    {
        using var run = new SearchRun(key, _settings, Data.Pictures, Data.Split.Train, _device);
        loop.Run(run, save: () => { });
        var result = Measurement.Of(key, run, _settings, Data, _device);
        SavedModel.Save(_outputs.Model(key), run.Towers, key, _settings);
        _records.Add(key, result);
        return result;
    }
}
