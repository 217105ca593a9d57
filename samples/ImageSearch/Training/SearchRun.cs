using System.Diagnostics;
using Contrastive.Distributed;
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
    private readonly Device _device;
    private readonly ItemSampler _sampler;
    private readonly Generator _order;
    private readonly Generator _random;
    private readonly Communicator _ranks;
    private readonly ShardedBatches _batches;
    private readonly WarmupCosineSchedule _schedule;
    private readonly ContrastiveLoss _loss;
    private readonly DistributedLoss _distributed;
    private readonly GradientReduction _gradients;
    private readonly CrossBatchMemory? _memory;
    private readonly SafeAdamW _optimizer;

    public SearchRun(SearchKey key, SearchSettings settings, PictureCollection collection, IReadOnlyList<int[]> items, Device device, Communicator ranks)
    {
        (_key, _device, _ranks) = (key, device, ranks);
        using var weights = Streams.Weights(key.Seed);
        Towers = new SearchTowers(settings.Sizes, weights);
        Towers.Centre(items.SelectMany(pictures => pictures).Select(picture => collection.Pictures[picture].Pixels));
        Towers.to(device);
        _sampler = new ItemSampler(collection, items, Towers.Hash, settings.Shift, Streams.Visits(key.Seed));
        _order = Streams.Order(key.Seed);
        _random = Streams.Loss(key.Seed);
        _batches = new ShardedBatches(ranks, items.Count, key.BatchSize, _order);
        Steps = settings.Steps(key.BatchSize, items.Count);
        _schedule = new WarmupCosineSchedule(key.Rate, Steps, (long)Math.Round(settings.Warmup * Steps));
        (_loss, _memory) = SearchLosses.Create(key, items.Count, settings.Features, settings.Temperature, _random);
        _loss.to(device);
        Replicas.Broadcast(ranks, Towers, _loss);
        // The work is in the towers: every loss and its memory are worked out of the whole batch, which is small, on each process.
        _distributed = new DistributedLoss(_loss, ranks, Exchange.Whole);
        _gradients = new GradientReduction(ranks, [.. Towers.parameters(), .. _loss.parameters()]);
        _optimizer = new SafeAdamW([("towers", Towers), ("loss", _loss)], 0, settings.WeightDecay);
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
        var batch = _ranks.AllGatherRows(items);
        var (pictures, captions) = _sampler.Draw(batch.data<long>().ToArray(), items.data<long>().ToArray(), _device);
        var result = _distributed.Evaluate(Towers.Images(pictures), Towers.Texts(captions, _device), items.to(_device));
        result.Loss.backward();
        _gradients.Sum();
        _optimizer.step();
        LossTerm[] terms = [new(LossTerm.Objective, result.BatchObjective)];
        Seconds += clock.Elapsed.TotalSeconds;
        return terms;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _loss.Dispose();
        Towers.Dispose();
        _batches.Dispose();
        _order.Dispose();
        _random.Dispose();
    }
}
