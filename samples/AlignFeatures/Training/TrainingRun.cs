using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>The random streams of a run by their purpose. The numbers decide every figure: they stay.</summary>
internal static class Streams
{
    private static readonly RandomStreams All = new(7);

    public static long LargestSeed => All.LargestSeed;

    public static Generator Split(long seed) => All.Of(seed, 0);

    public static Generator Weights(long seed) => All.Of(seed, 1);

    public static RunRandom OfRun(long seed, Device device) => new(All.Of(seed, 2), All.Of(seed, 4, device), All.Of(seed, 3, device));

    public static Generator IndependentWeights(long seed) => All.Of(seed, 5);

    public static Generator Probes(long seed) => All.Of(seed, 6);
}

/// <summary>One run on features from files.</summary>
internal sealed class TrainingRun : TwoTowerRun<TowerPair>
{
    // From trusting the newest batch to averaging over the last epochs.
    private static readonly (double First, double Last) Rho = (0.9, 0.1);

    private readonly AlignSettings _settings;
    private readonly Split _split;
    private readonly Func<Tensor, Tensor>? _augment;

    public TrainingRun(RunKey key, AlignSettings settings, PairedData data, Device device)
        : this(key, settings, SplitOf(key, settings, data, device), device)
    {
    }

    private TrainingRun(RunKey key, AlignSettings settings, Split split, Device device)
        : base(key, FirstTowers(key, settings, split), split.Train.Items, new TrainingPlan(settings, Rho), Streams.OfRun(key.Seed, device), device)
    {
        _settings = settings;
        _split = split;
        if (Structures.NeedsAugmentation(key.Structure))
            _augment = standardised => Augmented(standardised, settings.Noise, settings.Dropout, Random.Augmentation);
    }

    /// <summary>Every figure on the held-out items.</summary>
    public PairFigures Held()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return PairFigures.Measure(Finite(Towers.Left.call(_split.Test.Left)), Finite(Towers.Right.call(_split.Test.Right)), _split.Test.Labels);

        static Tensor Finite(Tensor features) => FiniteGuard.Check(features, "the features of held-out items");
    }

    /// <summary>The labels read off the embeddings. Needs labels.</summary>
    public IReadOnlyList<ProbeResult> Probes()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return LabelProbes.Measure(Of(_split.Train), Of(_split.Test), _settings.ProbeDraws, () => Streams.Probes(Key.Seed));

        Encoded Of(Pairs items)
            => new(Towers.Left.Features(items.Left, augment: null), Towers.Right.Features(items.Right, augment: null), items.Labels!);
    }

    public override void Dispose()
    {
        base.Dispose();
        _split.Dispose();
    }

    protected override (ModalityFeatures Left, ModalityFeatures Right) Features(Tensor items) => (
        Towers.Left.Features(_split.Train.Left.index_select(0, items), _augment),
        Towers.Right.Features(_split.Train.Right.index_select(0, items), _augment));

    protected override Glance Look() => new(Held().RecallAt1);

    /// <summary>
    /// An augmentation for features of any kind, (N, D): noise on standardised values, and some of them dropped. It is drawn anew at
    /// each call; what stays is scaled up by what is dropped.
    /// </summary>
    private static Tensor Augmented(Tensor standardised, double noise, double dropout, Generator random)
    {
        using var scope = NewDisposeScope();
        using var keep = (1 - dropout).ToScalar();
        var drawn = randn(standardised.shape, standardised.dtype, standardised.device, generator: random).Times(noise);
        var kept = rand(standardised.shape, standardised.dtype, standardised.device, generator: random).lt(keep);
        return standardised.Plus(drawn).mul(kept.to(standardised.dtype)).Times(1 / (1 - dropout)).MoveToOuterDisposeScope();
    }

    private static Split SplitOf(RunKey key, AlignSettings settings, PairedData data, Device device)
    {
        using var random = Streams.Split(key.Seed);
        return Split.Of(data, settings.TestFraction, random, device);
    }

    private static TowerPair FirstTowers(RunKey key, AlignSettings settings, Split split)
    {
        var (left, right) = (split.Train.Left, split.Train.Right);
        var sizes = new TowerSizes(left.shape[1], right.shape[1], settings.Hidden, settings.Features, Structures.NeedsIndependent(key.Structure));
        using var random = Streams.Weights(key.Seed);
        using var independentRandom = Streams.IndependentWeights(key.Seed);
        var towers = new TowerPair(sizes, random, independentRandom);
        towers.Left.Fit(left);
        towers.Right.Fit(right);
        return towers;
    }
}
