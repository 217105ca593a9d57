using System.Diagnostics;
using Contrastive.Distributed;
using Contrastive.Modality;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>How a run is trained, whatever its towers are.</summary>
/// <param name="Settings">What all studies say of it.</param>
/// <param name="Rho">ρ, the share of the newest batch in the running estimate of log Z, at an item's first visit and in the last epoch.</param>
public sealed record TrainingPlan(TwoTowerSettings Settings, (double First, double Last) Rho)
{
    /// <summary>The largest; it falls to 0 on a cosine.</summary>
    public double LearningRate { get; init; } = Settings.LearningRate;

    /// <summary>The share of the steps in which it rises.</summary>
    public double Warmup { get; init; }

    /// <summary>Adam's decay of the squares.</summary>
    public double Beta2 { get; init; } = 0.999;

    public bool LearnTemperature { get; init; }

    /// <summary>How many items the decomposable loss contrasts each one with, at most all there are; null for all of them.</summary>
    public long? Population { get; init; }

    /// <summary>(items) ids from 0 on; items of one id are no negatives of each other. Null where each item has its own. The run owns them.</summary>
    public Tensor? Ids { get; init; }
}

/// <summary>
/// One run: two towers, a loss, an optimiser. <see cref="Parts"/> and <see cref="Curves"/> are all of its state that changes,
/// so a run restored from them goes on as if it had never stopped; the rest follows from the seed. A sample adds what its
/// towers see of some items, and what is looked at after each epoch. Several processes take a slice of each batch each, with
/// the figures of one, within rounding.
/// </summary>
public abstract class TwoTowerRun<TTowers> : ITrainingRun, IDisposable
    where TTowers : nn.Module
{
    private readonly Device _device;
    private readonly Tensor? _ids;
    private readonly Communicator _ranks;
    private readonly ShardedBatches _batches;
    private readonly WarmupCosineSchedule _schedule;
    private readonly Temperature _temperature;
    private readonly CompositeLoss _loss;
    private readonly GradientReduction _gradients;
    private readonly SafeAdamW _optimizer;

    /// <param name="towers">With their first weights; the run owns them.</param>
    /// <param name="random">The run owns it.</param>
    /// <param name="ranks">The processes that take a slice of each batch; null for this one alone.</param>
    protected TwoTowerRun(RunKey key, TTowers towers, long items, TrainingPlan plan, RunRandom random, Device device, Communicator? ranks = null)
    {
        (Key, Random, _device, _ranks, _ids) = (key, random, device, ranks ?? Communicator.Single, plan.Ids);
        Towers = towers;
        towers.to(device);
        _batches = new ShardedBatches(_ranks, items, key.BatchSize, random.Order);
        Steps = key.Steps(items, plan.Settings.Epochs);
        _schedule = new WarmupCosineSchedule(plan.LearningRate, Steps, (long)Math.Round(plan.Warmup * Steps));
        var fixedTemperature = Contrastive.Temperature.Fixed(plan.Settings.Temperature);
        _temperature = plan.LearnTemperature ? Contrastive.Temperature.Learned(plan.Settings.Temperature) : fixedTemperature;
        using var lastId = plan.Ids?.max();
        var ids = lastId is null ? items : lastId.item<long>() + 1;
        var rho = StepSizeSchedule.Cosine(plan.Rho.First, plan.Rho.Last, plan.Settings.Epochs * items / ids);
        long? population = plan.Population is { } most ? Math.Min(most, ids) : null;
        var contrastive = Losses.Create(key.Loss, ids, population, _temperature, rho, random.Loss);
        _loss = Structures.Create(key.Structure, contrastive, plan.Settings.StructureWeights, fixedTemperature, random.Loss);
        _loss.to(device);
        Replicas.Broadcast(_ranks, towers, _loss);
        _gradients = new GradientReduction(_ranks, [.. towers.parameters(), .. _loss.parameters()]);
        _optimizer = new SafeAdamW([("towers", towers), ("loss", _loss)], 0, plan.Settings.WeightDecay, beta2: plan.Beta2);
    }

    public TTowers Towers { get; }

    protected RunKey Key { get; }

    protected RunRandom Random { get; }

    /// <summary>What was seen so far.</summary>
    public RunCurves Curves { get; private set; } = RunCurves.Empty;

    /// <summary>Of the contrast between the modalities, as it is now.</summary>
    public double Temperature => _temperature.Value;

    public string Name => Key.ToString();

    public long Steps { get; }

    public long StepsDone => _batches.Step;

    public long BatchSize => Key.BatchSize;

    public virtual CheckpointParts Parts => new CheckpointParts()
        .Module("towers", Towers)
        .Module("loss", _loss)
        .Module("optimizer", _optimizer)
        .Module("batches", _batches)
        .Generator("order", Random.Order)
        .Generator("augmentation", Random.Augmentation)
        .Generator("loss_random", Random.Loss);

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
        var items = _ranks.AllGatherRows(_batches.Next()).to(_device);
        var (left, right) = Features(items);
        var ids = _ids?.index_select(0, items) ?? items;
        LossTerm[] terms = [];
        // The work is in the towers: the loss and its structures are worked out of the whole batch, which is small, on each process.
        var share = WholeBatch.Evaluate(_ranks, [.. Rows(left), .. Rows(right)], rows =>
        {
            var all = new Queue<Tensor>(rows);
            var result = _loss.Evaluate(Like(left, all), Like(right, all), ids);
            terms =
            [
                new(LossTerm.Objective, result[Structures.Curve].item<float>()),
                .. result.Terms.Where(term => term.Name != Structures.Curve).Select(term => new LossTerm(term.Name, term.Value.item<float>())),
            ];
            return result.Loss;
        });
        share.Loss.backward();
        _gradients.Sum();
        _optimizer.step();
        Curves = Curves.WithStep(terms, clock.Elapsed.TotalSeconds);
        return terms;
    }

    public void AfterStep()
    {
        if (_batches.EndedEpoch)
            Curves = Curves.WithEpoch(_batches.StepsPerEpoch, Look());
    }

    public virtual void Dispose()
    {
        _optimizer.Dispose();
        _loss.Dispose();
        Towers.Dispose();
        _batches.Dispose();
        Random.Dispose();
        _ids?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>What both towers make of this process's <see cref="Slice"/> of a batch, in training; the caller has a dispose scope.</summary>
    /// <param name="items">(B) ids, of the whole batch: what is drawn is drawn for all of them, as one process does.</param>
    protected abstract (ModalityFeatures Left, ModalityFeatures Right) Features(Tensor items);

    /// <summary>This process's rows of those of a batch, (B, …).</summary>
    protected Tensor Slice(Tensor rows) => _batches.Slice(rows);

    /// <summary>A look at items that are not trained on, after each epoch.</summary>
    /// <exception cref="NotFiniteNumberException">Their features are not finite.</exception>
    protected abstract Glance Look();

    private static IEnumerable<Tensor> Rows(ModalityFeatures features)
        => new[] { features.Shared, features.Augmented, features.Independent, features.IndependentAugmented }.OfType<Tensor>();

    /// <summary>The next rows as those kinds of features that there are.</summary>
    private static ModalityFeatures Like(ModalityFeatures features, Queue<Tensor> rows)
    {
        return new ModalityFeatures(rows.Dequeue(), Next(features.Augmented), Next(features.Independent), Next(features.IndependentAugmented));

        Tensor? Next(Tensor? own) => own is null ? null : rows.Dequeue();
    }
}
