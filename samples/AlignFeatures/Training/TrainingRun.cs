using Contrastive.Modality;
using Contrastive.Samples.AlignFeatures.Data;
using Contrastive.Samples.AlignFeatures.Models;
using Contrastive.Samples.AlignFeatures.Reporting;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>One run on features from files.</summary>
internal sealed class TrainingRun : TwoTowerRun<TowerPair>
{
    // From trusting the newest batch to averaging over the last epochs.
    private static readonly (double First, double Last) Rho = (0.9, 0.1);

    private readonly RunKey _key;
    private readonly AlignSettings _settings;
    private readonly Split _split;
    private readonly Augmentation? _augmentation;

    public TrainingRun(RunKey key, AlignSettings settings, PairedData data, Device device)
        : this(key, settings, SplitOf(key, settings, data, device), Streams.OfRun(key.Seed, device), device)
    {
    }

    private TrainingRun(RunKey key, AlignSettings settings, Split split, RunRandom random, Device device)
        : base(key, FirstTowers(key, settings, split), split.Train.Items, Plan(settings), random, device)
    {
        _key = key;
        _settings = settings;
        _split = split;
        if (Structures.NeedsAugmentation(key.Structure))
            _augmentation = new Augmentation(settings.Noise, settings.Dropout, random.Augmentation);
    }

    /// <summary>Every figure on the held-out items.</summary>
    public HeldOut Held()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return HeldOut.Measure(Finite(Towers.Left.call(_split.Test.Left)), Finite(Towers.Right.call(_split.Test.Right)), _split.Test.Labels);

        static Tensor Finite(Tensor features) => FiniteGuard.Check(features, "the features of held-out items");
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

    public override void Dispose()
    {
        base.Dispose();
        _split.Dispose();
    }

    protected override (ModalityFeatures Left, ModalityFeatures Right) Features(Tensor items)
    {
        Func<Tensor, Tensor>? augment = _augmentation is null ? null : _augmentation.Apply;
        return (
            Towers.Left.Features(_split.Train.Left.index_select(0, items), augment),
            Towers.Right.Features(_split.Train.Right.index_select(0, items), augment));
    }

    protected override Glance Look() => new(Held().RecallAt1);

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

    private static TrainingPlan Plan(AlignSettings settings) => new()
    {
        Epochs = settings.Epochs,
        LearningRate = settings.LearningRate,
        WeightDecay = settings.WeightDecay,
        Temperature = settings.Temperature,
        Rho = Rho,
        Structures = settings.StructureWeights,
    };
}
