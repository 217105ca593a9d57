using System.Diagnostics;
using Contrastive.Distributed;
using Contrastive.Modality;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>
/// One run: two towers, a loss, an optimiser. It sees as many samples as one of another batch size; its batches never have an item
/// twice. All runs of a seed have the same first weights, and those of one batch size the same batches, pictures and captions. Several processes
/// take a slice of each batch each, with the figures of one, within rounding.
/// </summary>
internal sealed class SearchRun : ITrainingRun, IDisposable
{
    private readonly SearchKey _key;
    private readonly Random _otherViews;
    private readonly Device _device;
    private readonly ItemSampler _sampler;
    private readonly Generator _order;
    private readonly Generator _random;
    private readonly Communicator _ranks;
    private readonly ShardedBatches _batches;
    private readonly WarmupCosineSchedule _schedule;
    private readonly ContrastiveLoss _loss;
    private readonly CompositeLoss? _structured;
    private readonly DistributedLoss? _distributed;
    private readonly GradientReduction _gradients;
    private readonly CrossBatchMemory? _memory;
    private readonly SafeAdamW _optimizer;

    /// <param name="key">Which run; with a structure, in one process.</param>
    /// <param name="settings">How it is made.</param>
    /// <param name="collection">All pictures.</param>
    /// <param name="items">The pictures of each item to train on.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="ranks">The processes that take a slice of each batch.</param>
    /// <param name="steps">How many; null for as many as the settings' epochs have.</param>
    public SearchRun(
        SearchKey key, SearchSettings settings, PictureCollection collection, IReadOnlyList<int[]> items, Device device, Communicator ranks, long? steps = null)
    {
        (_key, _device, _ranks) = (key, device, ranks);
        using var weights = Streams.Weights(key.Seed);
        Towers = new SearchTowers(settings.Sizes with { Independent = key.Structure?.NeedsIndependent ?? false }, weights);
        Towers.Centre(items.SelectMany(pictures => pictures).Select(picture => collection.Pictures[picture].Pixels));
        Towers.to(device);
        _sampler = new ItemSampler(collection, items, Towers.Hash, settings.Shift, Streams.Visits(key.Seed));
        _order = Streams.Order(key.Seed);
        _random = Streams.Loss(key.Seed);
        _batches = new ShardedBatches(ranks, items.Count, key.BatchSize, _order);
        Steps = steps ?? settings.Steps(key.BatchSize, items.Count);
        _otherViews = Streams.OtherViews(key.Seed);
        _schedule = new WarmupCosineSchedule(key.Rate, Steps, (long)Math.Round(settings.Warmup * Steps));
        (_loss, _memory) = SearchLosses.Create(key, items.Count, settings.Features, settings.Temperature, _random);
        _structured = key.Structure?.Around(_loss, settings.Temperature, _random);
        nn.Module objective = _structured is null ? _loss : _structured;
        objective.to(device);
        Replicas.Broadcast(ranks, Towers, objective);
        // The work is in the towers: every loss and its memory are worked out of the whole batch, which is small, on each process.
        _distributed = _structured is null ? new DistributedLoss(_loss, ranks, Exchange.Whole) : null;
        _gradients = new GradientReduction(ranks, [.. Towers.parameters(), .. objective.parameters()]);
        _optimizer = new SafeAdamW([("towers", Towers), ("loss", objective)], 0, settings.WeightDecay);
    }

    public SearchTowers Towers { get; }

    /// <summary>Of training alone.</summary>
    public double Seconds { get; private set; }

    public string Name => _key.ToString();

    public long Steps { get; }

    public long StepsDone => _batches.Step;

    public long BatchSize => _key.BatchSize;

    public IReadOnlyList<LossTerm> TakeStep()
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        var rate = _schedule.At(_batches.Step);
        _optimizer.LearningRate = rate;
        _memory?.FollowStepSize(rate);
        _optimizer.zero_grad();
        var items = _batches.Next();
        var (loss, objective) = _distributed is null ? Structured(_structured!, items) : Contrast(_distributed, items);
        loss.backward();
        _gradients.Sum();
        _optimizer.step();
        LossTerm[] terms = [new(LossTerm.Objective, objective)];
        Seconds += clock.Elapsed.TotalSeconds;
        return terms;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        // With a structure around it, the loss is that one's part.
        (_structured ?? (IDisposable)_loss).Dispose();
        Towers.Dispose();
        _batches.Dispose();
        _order.Dispose();
        _random.Dispose();
    }

    private (Tensor Loss, double Objective) Contrast(DistributedLoss loss, Tensor items)
    {
        var batch = _ranks.AllGatherRows(items);
        var (pictures, captions) = _sampler.Draw(batch.data<long>().ToArray(), items.data<long>().ToArray(), _device);
        var result = loss.Evaluate(Towers.Images(pictures), Towers.Texts(captions, _device), items.to(_device));
        return (result.Loss, result.BatchObjective);
    }

    private (Tensor Loss, double Objective) Structured(CompositeLoss loss, Tensor items)
    {
        var views = _sampler.DrawPair(items.data<long>().ToArray(), _otherViews, _key.Structure!.Shift!.Value, _device);
        var result = loss.Evaluate(
            Towers.ImageFeatures(views.Pictures, views.OtherPictures), Towers.TextFeatures(views.Captions, views.OtherCaptions, _device), items.to(_device));
        return (result.Loss, result[Structures.Curve].item<float>());
    }
}
