using Contrastive.Distributed;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The random streams of a run by their purpose. The numbers decide every figure: they stay.</summary>
internal static class Streams
{
    private static readonly RandomStreams All = new(7);

    public static long LargestSeed => All.LargestSeed;

    public static Generator Weights(long seed) => All.Of(seed, 0);

    public static Generator IndependentWeights(long seed) => All.Of(seed, 1);

    /// <summary>Mirrors and synonyms, which every run has.</summary>
    public static Generator Views(long seed, Device device) => All.Of(seed, 3, device);

    public static Generator Augmentation(long seed, Device device) => All.Of(seed, 4, device);

    public static Generator Loss(long seed, Device device) => All.Of(seed, 5, device);

    public static RunRandom OfRun(long seed, Device device) => new(All.Of(seed, 2), Augmentation(seed, device), Loss(seed, device));

    public static Generator Probes(long seed) => All.Of(seed, 6);
}

/// <summary>One run on pictures and captions.</summary>
internal sealed class TrainingRun : TwoTowerRun<TowerPair>
{
    // The learning rate is given for this batch size.
    private const double ReferenceBatch = 128;

    // As CLIP's: in a short training the squares of the first gradients should not last.
    private const double Beta2 = 0.98;

    private readonly ShapeData _pairs;
    private readonly Func<TowerPair, Glance> _glance;
    private readonly Generator _viewRandom;
    private readonly WordTables _words;
    private readonly ViewMaker _views;

    /// <param name="glance">A look at validation pairs after each epoch.</param>
    /// <param name="ranks">The processes that take a slice of each batch; null for this one alone.</param>
    public TrainingRun(
        RunKey key, ShapesSettings settings, ShapeData pairs, Func<TowerPair, Glance> glance, Device device, Communicator? ranks = null)
        : base(key, FirstTowers(key, settings, pairs), pairs.Train.Items, Plan(key, settings, pairs), Streams.OfRun(key.Seed, device), device, ranks)
    {
        _pairs = pairs;
        _glance = glance;
        _viewRandom = Streams.Views(key.Seed, device);
        _words = new WordTables(pairs.Tokenizer, device);
        _views = new ViewMaker(
            new PairFlip(_words, _viewRandom),
            new CaptionAugmentation(_words, settings.Synonyms, 0, 0, _viewRandom),
            new PictureAugmentation(settings.Crop, settings.Jitter, Random.Augmentation),
            new CaptionAugmentation(_words, settings.Synonyms, settings.Swap, settings.Deletion, Random.Augmentation));
    }

    public override CheckpointParts Parts => base.Parts.Generator("views", _viewRandom);

    public override void Dispose()
    {
        base.Dispose();
        _viewRandom.Dispose();
        _words.Dispose();
    }

    protected override (ModalityFeatures Left, ModalityFeatures Right) Features(Tensor items)
    {
        var (pictures, captions) = (_pairs.Train.Images.index_select(0, items), _pairs.Train.Tokens.index_select(0, items));
        var views = _views.Make(TowerPair.Prepare(pictures), captions, Structures.NeedsAugmentation(Key.Structure));
        return (Features(Towers.Image, views.Images, views.AugmentedImages), Features(Towers.Text, views.Tokens, views.AugmentedTokens));

        ModalityFeatures Features(Tower tower, Tensor input, Tensor? augmented) => tower.Features(Slice(input), augmented is null ? null : Slice(augmented));
    }

    protected override Glance Look() => _glance(Towers);

    private static TowerPair FirstTowers(RunKey key, ShapesSettings settings, ShapeData pairs)
    {
        var sizes = new TowerSizes(
            Painter.Side,
            settings.ImageWidth,
            settings.TextWidth,
            settings.TextDepth,
            settings.Encoding,
            settings.Features,
            Structures.NeedsIndependent(key.Structure),
            pairs.Tokenizer.Vocabulary);
        using var random = Streams.Weights(key.Seed);
        using var independentRandom = Streams.IndependentWeights(key.Seed);
        return new TowerPair(sizes, random, independentRandom);
    }

    private static TrainingPlan Plan(RunKey key, ShapesSettings settings, ShapeData pairs) => new(settings, (settings.FirstRho, settings.LastRho))
    {
        // With the square root of the batch size, as Adam's noise asks.
        LearningRate = settings.LearningRate * Math.Sqrt(key.BatchSize / ReferenceBatch),
        Warmup = settings.Warmup,
        Beta2 = Beta2,
        LearnTemperature = settings.LearnTemperature,
        Population = settings.Population,
        Ids = settings.FactsAsIds ? pairs.Train.FactIds() : null,
    };
}
