using System.Diagnostics;
using Contrastive.Modality;
using Contrastive.Samples.ShapesClip.Augmentation;
using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>
/// One run: two towers, a loss, an optimiser. <see cref="Parts"/> and <see cref="Curves"/> are all of its state that changes;
/// the rest follows from the seed.
/// </summary>
internal sealed class TrainingRun : ITrainingRun, IDisposable
{
    // The learning rate is given for this batch size.
    private const double ReferenceBatch = 128;

    // As CLIP's: in a short training the squares of the first gradients should not last.
    private const double Beta2 = 0.98;

    /// <summary>The name of the contrastive term among a step's figures.</summary>
    public const string Objective = "objective";

    private readonly RunKey _key;
    private readonly ShapesSettings _settings;
    private readonly ITrainingPairs _pairs;
    private readonly Func<TowerPair, Glance> _glance;
    private readonly CompositeLoss _loss;
    private readonly SafeAdamW _optimizer;
    private readonly WarmupCosineSchedule _schedule;
    private readonly ShuffledBatches _batches;
    private readonly Generator _order;
    private readonly Generator _viewRandom;
    private readonly Generator _augmentationRandom;
    private readonly Generator _lossRandom;
    private readonly Temperature _temperature;
    private readonly WordTables _words;
    private readonly ViewMaker _views;

    /// <param name="key">Which run.</param>
    /// <param name="settings">How it is made.</param>
    /// <param name="pairs">What it trains on.</param>
    /// <param name="glance">A look at validation pairs after each epoch.</param>
    /// <param name="device">Where it runs.</param>
    public TrainingRun(RunKey key, ShapesSettings settings, ITrainingPairs pairs, Func<TowerPair, Glance> glance, Device device)
    {
        _key = key;
        _settings = settings;
        _pairs = pairs;
        _glance = glance;
        var sizes = new TowerSizes(
            pairs.Side,
            settings.ImageWidth,
            settings.TextWidth,
            settings.TextDepth,
            settings.Encoding,
            settings.Features,
            Structures.NeedsIndependent(key.Structure),
            pairs.Tokenizer.Vocabulary,
            pairs.Tokenizer.WordCount);
        using (var random = Streams.Weights(key.Seed))
        using (var independentRandom = Streams.IndependentWeights(key.Seed))
            Towers = new TowerPair(sizes, random, independentRandom);
        Towers.to(device);

        _order = Streams.Order(key.Seed);
        _batches = new ShuffledBatches(pairs.Items, key.BatchSize, _order, device);
        // With the square root of the batch size, as Adam's noise asks.
        _schedule = new WarmupCosineSchedule(
            settings.LearningRate * Math.Sqrt(key.BatchSize / ReferenceBatch), Steps, (long)Math.Round(settings.Warmup * Steps));
        _viewRandom = Streams.Views(key.Seed, device);
        _augmentationRandom = Streams.Augmentation(key.Seed, device);
        _lossRandom = Streams.Loss(key.Seed, device);
        _words = new WordTables(pairs.Tokenizer, pairs.HasSynonyms, device);
        _views = new ViewMaker(
            new PairFlip(_words, _viewRandom),
            new CaptionAugmentation(_words, settings.Synonyms, 0, 0, _viewRandom),
            new PictureAugmentation(settings.Crop, settings.Jitter, _augmentationRandom),
            new CaptionAugmentation(_words, settings.Synonyms, settings.Swap, settings.Deletion, _augmentationRandom));

        _temperature = settings.LearnTemperature ? Contrastive.Temperature.Learned(settings.Temperature) : Contrastive.Temperature.Fixed(settings.Temperature);
        var rho = StepSizeSchedule.Cosine(settings.FirstRho, settings.LastRho, settings.Epochs);
        var contrastive = Losses.Create(key.Loss, pairs.Items, Population, _temperature, rho, _lossRandom);
        _loss = Structures.Create(key.Structure, contrastive, settings.StructureWeights, Contrastive.Temperature.Fixed(settings.Temperature), _lossRandom);
        _loss.to(device);
        _optimizer = new SafeAdamW(Towers.parameters().Concat(_loss.parameters()), 0, settings.WeightDecay, beta2: Beta2);
    }

    public TowerPair Towers { get; }

    /// <summary>What was seen so far.</summary>
    public RunCurves Curves { get; private set; } = RunCurves.Empty;

    /// <summary>Of the contrast between the modalities, as it is now.</summary>
    public double Temperature => _temperature.Value;

    /// <summary>Nobody is contrasted with more items than there are.</summary>
    private long? Population => _settings.Population is { } population ? Math.Min(population, _pairs.Items) : null;

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
        .Generator("views", _viewRandom)
        .Generator("augmentation", _augmentationRandom)
        .Generator("loss_random", _lossRandom);

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
        var (pictures, captions) = _pairs.Take(items, _viewRandom);
        var views = _views.Make(
            TowerPair.Prepare(pictures),
            captions,
            Structures.NeedsAugmentation(_key.Structure));
        var images = Towers.Image.Features(views.Images, views.AugmentedImages);
        var texts = Towers.Text.Features(views.Tokens, views.AugmentedTokens);
        var result = _loss.Evaluate(images, texts, items);
        result.Total.backward();
        _optimizer.step();
        LossTerm[] terms =
        [
            new(Objective, result[Structures.Curve].item<float>()),
            .. result.Terms.Where(term => term.Name != Structures.Curve).Select(term => new LossTerm(term.Name, term.Value.item<float>())),
        ];
        Curves = Curves.WithStep(terms, clock.Elapsed.TotalSeconds);
        return terms;
    }

    public void AfterStep()
    {
        if (!_batches.EndedEpoch)
            return;
        Curves = Curves.WithEpoch(_batches.StepsPerEpoch, _glance(Towers));
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _loss.Dispose();
        Towers.Dispose();
        _batches.Dispose();
        _order.Dispose();
        _viewRandom.Dispose();
        _augmentationRandom.Dispose();
        _lossRandom.Dispose();
        _words.Dispose();
    }
}
