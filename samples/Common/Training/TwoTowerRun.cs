using System.Diagnostics;
using Contrastive.Modality;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>
/// One run: two towers, a loss, an optimiser. <see cref="Parts"/> and <see cref="Curves"/> are all of its state that changes,
/// so a run restored from them goes on as if it had never stopped; the rest follows from the seed. A sample adds what its
/// towers see of some items, and what is looked at after each epoch.
/// </summary>
public abstract class TwoTowerRun<TTowers> : ITrainingRun, IDisposable
    where TTowers : nn.Module
{
    private readonly RunKey _key;
    private readonly RunRandom _random;
    private readonly ShuffledBatches _batches;
    private readonly WarmupCosineSchedule _schedule;
    private readonly Temperature _temperature;
    private readonly CompositeLoss _loss;
    private readonly SafeAdamW _optimizer;

    /// <param name="key">Which run.</param>
    /// <param name="towers">With their first weights; the run owns them.</param>
    /// <param name="items">How many items it trains on.</param>
    /// <param name="plan">How.</param>
    /// <param name="random">The run owns it.</param>
    /// <param name="device">Where the towers go.</param>
    protected TwoTowerRun(RunKey key, TTowers towers, long items, TrainingPlan plan, RunRandom random, Device device)
    {
        _key = key;
        _random = random;
        Towers = towers;
        towers.to(device);
        _batches = new ShuffledBatches(items, key.BatchSize, random.Order, device);
        Steps = key.Steps(items, plan.Epochs);
        _schedule = new WarmupCosineSchedule(plan.LearningRate, Steps, (long)Math.Round(plan.Warmup * Steps));
        var fixedTemperature = Contrastive.Temperature.Fixed(plan.Temperature);
        _temperature = plan.LearnTemperature ? Contrastive.Temperature.Learned(plan.Temperature) : fixedTemperature;
        var rho = StepSizeSchedule.Cosine(plan.Rho.First, plan.Rho.Last, plan.Epochs);
        long? population = plan.Population is { } most ? Math.Min(most, items) : null;
        var contrastive = Losses.Create(key.Loss, items, population, _temperature, rho, random.Loss);
        _loss = Structures.Create(key.Structure, contrastive, plan.Structures, fixedTemperature, random.Loss);
        _loss.to(device);
        _optimizer = new SafeAdamW([("towers", towers), ("loss", _loss)], 0, plan.WeightDecay, beta2: plan.Beta2);
    }

    public TTowers Towers { get; }

    /// <summary>What was seen so far.</summary>
    public RunCurves Curves { get; private set; } = RunCurves.Empty;

    /// <summary>Of the contrast between the modalities, as it is now.</summary>
    public double Temperature => _temperature.Value;

    public string Name => _key.ToString();

    public long Steps { get; }

    public long StepsDone => _batches.Step;

    public long BatchSize => _key.BatchSize;

    public virtual CheckpointParts Parts => new CheckpointParts()
        .Module("towers", Towers)
        .Module("loss", _loss)
        .Module("optimizer", _optimizer)
        .Module("batches", _batches)
        .Generator("order", _random.Order)
        .Generator("augmentation", _random.Augmentation)
        .Generator("loss_random", _random.Loss);

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
        var (left, right) = Features(items);
        var result = _loss.Evaluate(left, right, items);
        result.Loss.backward();
        _optimizer.step();
        LossTerm[] terms =
        [
            new(LossTerm.Objective, result[Structures.Curve].item<float>()),
            .. result.Terms.Where(term => term.Name != Structures.Curve).Select(term => new LossTerm(term.Name, term.Value.item<float>())),
        ];
        Curves = Curves.WithStep(terms, clock.Elapsed.TotalSeconds);
        return terms;
    }

    public void AfterStep()
    {
        if (!_batches.EndedEpoch)
            return;
        try
        {
            Curves = Curves.WithEpoch(_batches.StepsPerEpoch, Look());
        }
        catch (NotFiniteNumberException problem)
        {
            // The step's objective was finite, but not what its update left.
            throw TrainingLoop.Diverged(this, problem.Message);
        }
    }

    public virtual void Dispose()
    {
        _optimizer.Dispose();
        _loss.Dispose();
        Towers.Dispose();
        _batches.Dispose();
        _random.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>What both towers make of the items of a batch, in training; the caller has a dispose scope.</summary>
    /// <param name="items">(B) ids.</param>
    protected abstract (ModalityFeatures Left, ModalityFeatures Right) Features(Tensor items);

    /// <summary>A look at items that are not trained on, after each epoch.</summary>
    /// <exception cref="NotFiniteNumberException">Their features are not finite.</exception>
    protected abstract Glance Look();
}
