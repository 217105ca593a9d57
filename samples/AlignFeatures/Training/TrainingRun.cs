using System.Diagnostics;
using Contrastive.Modality;
using Contrastive.Samples.AlignFeatures.Data;
using Contrastive.Samples.AlignFeatures.Models;
using Contrastive.Samples.AlignFeatures.Reporting;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>
/// One run: two towers, a loss, an optimiser. <see cref="Parts"/> is all of its state that changes, so a run restored from
/// them goes on as if it had never stopped; the rest follows from the seed.
/// </summary>
internal sealed class TrainingRun : ITrainingRun, IDisposable
{
    // ρ, the share of the newest batch in the running estimate of log Z: from trusting it to averaging over the last epochs.
    private const double FirstRho = 0.9;
    private const double LastRho = 0.1;

    private readonly RunKey _key;
    private readonly AlignSettings _settings;
    private readonly Split _split;
    private readonly CompositeLoss _loss;
    private readonly SafeAdamW _optimizer;
    private readonly WarmupCosineSchedule _schedule;
    private readonly ShuffledBatches _batches;
    private readonly Generator _order;
    private readonly Generator _lossRandom;
    private readonly Generator _augmentationRandom;
    private readonly Augmentation? _augmentation;

    public TrainingRun(RunKey key, AlignSettings settings, PairedData data, Device device)
    {
        _key = key;
        _settings = settings;
        using (var random = Streams.Split(key.Seed))
            _split = Split.Of(data, settings.TestFraction, random, device);
        var sizes = new TowerSizes(
            data.Left.Columns, data.Right.Columns, settings.Hidden, settings.Features, Structures.NeedsIndependent(key.Structure));
        using (var random = Streams.Weights(key.Seed))
        using (var independentRandom = Streams.IndependentWeights(key.Seed))
            Towers = new TowerPair(sizes, random, independentRandom);
        Towers.Left.Fit(_split.Train.Left);
        Towers.Right.Fit(_split.Train.Right);
        Towers.to(device);

        _order = Streams.Order(key.Seed);
        _batches = new ShuffledBatches(_split.Train.Items, key.BatchSize, _order, device);
        _schedule = new WarmupCosineSchedule(settings.LearningRate, Steps);
        _lossRandom = Streams.Loss(key.Seed, device);
        _augmentationRandom = Streams.Augmentation(key.Seed, device);
        if (Structures.NeedsAugmentation(key.Structure))
            _augmentation = new Augmentation(settings.Noise, settings.Dropout, _augmentationRandom);
        var temperature = Temperature.Fixed(settings.Temperature);
        var rho = StepSizeSchedule.Cosine(FirstRho, LastRho, settings.Epochs);
        var contrastive = Losses.Create(key.Loss, _split.Train.Items, null, temperature, rho, _lossRandom);
        _loss = Structures.Create(key.Structure, contrastive, settings.StructureWeights, temperature, _lossRandom);
        _loss.to(device);
        _optimizer = new SafeAdamW(Towers.parameters(), settings.LearningRate, settings.WeightDecay);
    }

    public TowerPair Towers { get; }

    /// <summary>What was seen so far.</summary>
    public RunCurves Curves { get; private set; } = RunCurves.Empty;

    public string Name => _key.ToString();

    public long Steps => _settings.Epochs * _batches.StepsPerEpoch;

    public long StepsDone => _batches.Step;

    public long BatchSize => _key.BatchSize;

    public CheckpointParts Parts => new CheckpointParts()
        .Module("towers", Towers)
        .Module("loss", _loss)
        .Module("optimizer", _optimizer)
        .Module("batches", _batches)
        .Generator("order", _order)
        .Generator("loss_random", _lossRandom)
        .Generator("augmentation", _augmentationRandom);

    /// <summary>How many steps an epoch has; a last batch that is not full is left out.</summary>
    public static long StepsPerEpoch(long trainItems, int batchSize) => trainItems / batchSize;

    /// <summary>Goes on from where another process stopped.</summary>
    public void Restore(CheckpointFile file, RunCurves curves)
    {
        file.Restore(Parts);
        Curves = curves;
    }

    public IReadOnlyList<LossTerm> TakeStep()
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        _optimizer.LearningRate = _schedule.At(_batches.Step);
        _optimizer.zero_grad();
        var items = _batches.Next();
        Func<Tensor, Tensor>? augment = _augmentation is null ? null : _augmentation.Apply;
        var left = Towers.Left.Features(_split.Train.Left.index_select(0, items), augment);
        var right = Towers.Right.Features(_split.Train.Right.index_select(0, items), augment);
        var result = _loss.Evaluate(left, right, items);
        result.Total.backward();
        _optimizer.step();
        var objective = new LossTerm("objective", result[Structures.Curve].item<float>());
        Curves = Curves.WithStep(objective.Value, clock.Elapsed.TotalSeconds);
        return [objective, .. result.Terms.Where(term => term.Name != Structures.Curve).Select(term => new LossTerm(term.Name, term.Value.item<float>()))];
    }

    public void AfterStep()
    {
        if (_batches.EndedEpoch)
            Curves = Curves.WithEpoch(_batches.StepsPerEpoch, Held().RecallAt1);
    }

    /// <summary>Every figure on the held-out items.</summary>
    public HeldOut Held()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return HeldOut.Measure(Towers.Left.call(_split.Test.Left), Towers.Right.call(_split.Test.Right), _split.Test.Labels);
    }

    /// <summary>The labels read off the embeddings. Needs labels.</summary>
    public IReadOnlyList<ProbeResult> Probes()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Reporting.Probes.Measure(
            Both(_split.Train), _split.Train.Labels!, Both(_split.Test), _split.Test.Labels!, _settings.ProbeDraws, () => Streams.Probes(_key.Seed));

        (ModalityFeatures Left, ModalityFeatures Right) Both(Pairs items)
            => (Towers.Left.Features(items.Left, augment: null), Towers.Right.Features(items.Right, augment: null));
    }

    public void Dispose()
    {
        _batches.Dispose();
        _optimizer.Dispose();
        _loss.Dispose();
        Towers.Dispose();
        _order.Dispose();
        _lossRandom.Dispose();
        _augmentationRandom.Dispose();
        _split.Dispose();
    }
}
