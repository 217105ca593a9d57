using Contrastive.Modality;
using Contrastive.Samples.ShapesClip.Augmentation;
using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>
/// One run: two towers, a loss, an optimiser. <see cref="Parts"/> is all of its state that changes; the rest follows from
/// the seed.
/// </summary>
internal sealed class TrainingRun : IDisposable
{
    // The learning rate is given for this batch size.
    private const double ReferenceBatch = 128;

    private readonly RunKey _key;
    private readonly ShapesSettings _settings;
    private readonly ShapeData _data;
    private readonly CompositeLoss _loss;
    private readonly SafeAdamW _optimizer;
    private readonly Generator _order;
    private readonly Generator _viewRandom;
    private readonly Generator _augmentationRandom;
    private readonly Generator _lossRandom;
    private readonly WordTables _words;
    private readonly ViewMaker _views;

    public TrainingRun(RunKey key, ShapesSettings settings, ShapeData data, Device device)
    {
        _key = key;
        _settings = settings;
        _data = data;
        var sizes = new TowerSizes(
            Painter.Side,
            settings.ImageWidth,
            settings.TextWidth,
            settings.TextDepth,
            settings.Encoding,
            settings.Features,
            Structures.NeedsIndependent(key.Structure),
            data.Tokenizer.Vocabulary);
        using (var random = Streams.Weights(key.Seed))
        using (var independentRandom = Streams.IndependentWeights(key.Seed))
            Towers = new TowerPair(sizes, random, independentRandom);
        Towers.To(device);

        _order = Streams.Order(key.Seed);
        _viewRandom = Streams.Views(key.Seed, device);
        _augmentationRandom = Streams.Augmentation(key.Seed, device);
        _lossRandom = Streams.Loss(key.Seed, device);
        _words = new WordTables(data.Tokenizer, device);
        _views = new ViewMaker(
            new PairFlip(_words, _viewRandom),
            new CaptionAugmentation(_words, settings.Synonyms, 0, 0, _viewRandom),
            new PictureAugmentation(settings.Crop, settings.Jitter, _augmentationRandom),
            new CaptionAugmentation(_words, settings.Synonyms, settings.Swap, settings.Deletion, _augmentationRandom));

        var temperature = settings.LearnTemperature ? Temperature.Learned(settings.Temperature) : Temperature.Fixed(settings.Temperature);
        var contrastive = Losses.Create(key.Loss, data.Train.Items, temperature, settings.Epochs, _lossRandom);
        _loss = Structures.Create(key.Structure, contrastive, settings.StructureWeights, Temperature.Fixed(settings.Temperature), _lossRandom);
        _loss.to(device);
        _optimizer = new SafeAdamW(Towers.Parameters.Concat(_loss.parameters()), 0, settings.WeightDecay);
    }

    public TowerPair Towers { get; }

    /// <summary>How many steps an epoch has; a last batch that is not full is left out.</summary>
    public static long StepsPerEpoch(long trainItems, int batchSize) => trainItems / batchSize;

    public CheckpointParts Parts => Towers.AddTo(new CheckpointParts())
        .Module("loss", _loss)
        .Module("optimizer", _optimizer)
        .Generator("order", _order)
        .Generator("views", _viewRandom)
        .Generator("augmentation", _augmentationRandom)
        .Generator("loss_random", _lossRandom);

    /// <summary>Trains one more epoch.</summary>
    /// <param name="epochs">How many were before.</param>
    /// <param name="step">Called after each step.</param>
    /// <param name="cancellation">Stops before the next step.</param>
    /// <returns>The mean of each term of the loss, the contrastive one under <see cref="Structures.Curve"/>.</returns>
    public IReadOnlyDictionary<string, double> Epoch(int epochs, Action step, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var steps = StepsPerEpoch(_data.Train.Items, _key.BatchSize);
        var order = randperm(_data.Train.Items, generator: _order).to(_data.Train.Images.device);
        var sums = new SortedDictionary<string, double>(StringComparer.Ordinal);
        for (var s = 0L; s < steps; s++)
        {
            cancellation.ThrowIfCancellationRequested();
            _optimizer.LearningRate = Rate((epochs * steps + s) / (double)(_settings.Epochs * steps));
            Step(order.narrow(0, s * _key.BatchSize, _key.BatchSize), sums);
            step();
        }

        return !double.IsFinite(sums[Structures.Curve])
            ? throw new UserError($"{_key}: the objective is no longer finite in epoch {epochs + 1}: a smaller --learning-rate or a larger --temperature may help")
            : sums.ToDictionary(term => term.Key, term => term.Value / steps);
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _loss.Dispose();
        Towers.Dispose();
        _order.Dispose();
        _viewRandom.Dispose();
        _augmentationRandom.Dispose();
        _lossRandom.Dispose();
        _words.Dispose();
    }

    /// <summary>A straight rise, then half a cosine; with the square root of the batch size, as Adam's noise asks.</summary>
    /// <param name="done">The share of all steps that are done.</param>
    private double Rate(double done)
    {
        var peak = _settings.LearningRate * Math.Sqrt(_key.BatchSize / ReferenceBatch);
        return done < _settings.Warmup
            ? peak * done / _settings.Warmup
            : peak * (1 + Math.Cos(Math.PI * (done - _settings.Warmup) / (1 - _settings.Warmup))) / 2;
    }

    private void Step(Tensor items, SortedDictionary<string, double> sums)
    {
        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        var views = _views.Make(
            TowerPair.Prepare(_data.Train.Images.index_select(0, items)),
            _data.Train.Tokens.index_select(0, items),
            Structures.NeedsAugmentation(_key.Structure));
        var images = Towers.Image.Features(views.Images, views.AugmentedImages);
        var texts = Towers.Text.Features(views.Tokens, views.AugmentedTokens);
        var result = _loss.Evaluate(images, texts, items);
        result.Total.backward();
        _optimizer.step();
        foreach (var term in result.Terms)
            sums[term.Name] = sums.GetValueOrDefault(term.Name) + term.Value.item<float>();
    }
}
