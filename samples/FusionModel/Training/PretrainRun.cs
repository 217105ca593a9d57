using Contrastive.Modality;
using Contrastive.Numerics;
using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Models;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.FusionModel.Training;

/// <summary>
/// Pretraining: contrast of pictures and texts against a momentum model (or the decomposable loss with its memory), matching with hard negatives,
/// masked words, text assignment where the model is for several pictures, and structures. Its loop is <see cref="Loss"/>.
/// </summary>
internal sealed class PretrainRun : FusionRun
{
    private const double Momentum = 0.995;
    private static readonly StructureWeights Weights = new(1, 0.1, BridgeSide.First, 0.25, 0.003, 0);

    private readonly FusionNet _twin;
    private readonly MomentumModel _momentum;
    private readonly MomentumContrastLoss? _distilled;
    private readonly CrossBatchMemory? _memory;
    private readonly Temperature _temperature;
    private readonly CompositeLoss _contrast;
    private readonly WordMasking _masking;
    private readonly MatchingLoss _matching = new();
    private readonly MaskedWordLoss _words = new();
    private readonly TextAssignmentLoss? _assignment;
    private readonly Tensor _pictures;
    private readonly Tensor _captions;
    private readonly Tensor _first;
    private readonly Tensor _counts;

    public PretrainRun(FusionKey key, FusionNet net, CaptionData data, int queue, Pace pace, Device device)
        : this(key, net, data, queue, pace, device, Contrast(key, data.Pictures.Count, net.Sizes.Features, queue))
    {
    }

    private PretrainRun(FusionKey key, FusionNet net, CaptionData data, int queue, Pace pace, Device device, Contrasts contrast)
        : base(key.ToString(), data.Pictures.Count, pace, key.Seed, [("model", net), ("contrast", contrast.All)], device)
    {
        Net = net;
        (_temperature, _distilled, _memory, _contrast) = (contrast.Temperature, contrast.Distilled, contrast.Memory, contrast.All);
        using var unused = Streams.Weights(key.Seed);
        _twin = new FusionNet(net.Sizes, unused);
        _twin.to(device);
        _momentum = new MomentumModel(Momentum, ("model", net, _twin));
        if (net.Sizes.Boxes > 1)
            _assignment = new TextAssignmentLoss(net.Sizes.Boxes);
        var vocabulary = net.Tokenizer.Vocabulary;
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        _masking = new WordMasking(
            vocabulary.Count, Id("[MASK]"), [.. special.Select(Id)],
            continuations: [.. vocabulary.Select(token => token.StartsWith("##", StringComparison.Ordinal))]);
        _pictures = Pixels.Of(data.Pictures, data.Side, 1, device).select(1, 0);
        _captions = net.Tokenizer.Encode([.. data.Captions.SelectMany(texts => texts)], device);
        var first = 0L;
        _first = tensor(data.Captions.Select(texts => (first += texts.Count) - texts.Count).ToArray(), device: device);
        _counts = tensor(data.Captions.Select(texts => (double)texts.Count).ToArray(), device: device);

        long Id(string token) => vocabulary.Index().First(word => word.Item == token).Index;
    }

    public FusionNet Net { get; }

    public override CheckpointParts Parts => base.Parts.Module("momentum", _momentum);

    /// <summary>What a slowly moving model encoded lasts in a queue; what the model itself did counts once steps are small.</summary>
    protected override void BeforeStep(double stepSize) => _memory?.FollowStepSize(stepSize);

    protected override (Tensor Loss, IReadOnlyList<LossTerm> Terms) Loss(Tensor items)
    {
        var alpha = MomentumDistillation.Ramp(StepsDone, StepsPerEpoch);
        _words.Alpha = alpha;
        if (_distilled is not null)
            _distilled.Alpha = alpha;
        _momentum.Update();

        var pictures = _pictures.index_select(0, items);
        // One of each picture's captions.
        var which = (rand([items.shape[0]], dtype: ScalarType.Float64, device: items.device, generator: Draws) * _counts.index_select(0, items)).to(ScalarType.Int64);
        var tokens = Trimmed(_captions.index_select(0, _first.index_select(0, items).add(which, Scalars.OneIndex)), Net.Tokenizer.Padding);

        var (image, text) = (Net.Image(pictures), Net.Text(tokens));
        var ((v, vi), (t, ti)) = (Net.ImageFeatures(image), Net.TextFeatures(text));
        Tensor vm, vim, tm, tim, momentumImage;
        using (no_grad())
        {
            momentumImage = _twin.Image(pictures);
            (vm, vim) = _twin.ImageFeatures(momentumImage);
            (tm, tim) = _twin.TextFeatures(_twin.Text(tokens));
        }

        var contrast = _contrast.Evaluate(new ModalityFeatures(v, vm, vi, vim), new ModalityFeatures(t, tm, ti, tim), items);

        var similarities = F.normalize(v).matmul(F.normalize(t).t()).Times(1 / _temperature.Value);
        var seen = Net.Look(image);
        using var pairs = MatchingPairs.Draw(similarities, items, Draws);
        var matching = _matching.forward(Net.Match(Net.Fuse([seen.At(pairs.First)], text.At(pairs.Second), onlyFirst: true)), pairs.Labels);

        using var hidden = _masking.Draw(tokens, Draws);
        var told = Net.Words(hidden.Select(Net.Fuse([seen], Net.Text(hidden.Tokens))));
        Tensor soft;
        using (no_grad())
            soft = _twin.Words(hidden.Select(_twin.Fuse([_twin.Look(momentumImage)], _twin.Text(hidden.Tokens))));
        var words = _words.forward(told, hidden.Select(hidden.Targets), soft);

        var (all, assigned) = (contrast.Loss.Plus(matching).Plus(words), Array.Empty<LossTerm>());
        if (_assignment is not null)
        {
            using var chosen = TextAssignment.Draw(similarities.t(), _assignment.Pictures, items, Draws, MissingPairs.Skip);
            var fused = Net.Fuse([.. chosen.Pictures.unbind(1).Select(seen.At)], text.At(chosen.Texts), onlyFirst: true);
            var assignment = _assignment.forward(Net.Assign(fused), chosen.Labels);
            (all, assigned) = (all.Plus(assignment), [new("assignment", assignment.item<float>())]);
        }

        return (all,
        [
            new("contrast", contrast.Terms[0].Value.item<float>()),
            new("matching", matching.item<float>()),
            new("words", words.item<float>()),
            .. assigned,
            .. contrast.Terms.Skip(1).Select(term => new LossTerm(term.Name, term.Value.item<float>())),
        ]);
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var module in new nn.Module?[] { _momentum, _twin, _matching, _words, _assignment })
            module?.Dispose();
        foreach (var held in new[] { _pictures, _captions, _first, _counts })
            held.Dispose();
    }

    /// <param name="Memory">Of the decomposable loss.</param>
    private sealed record Contrasts(Temperature Temperature, MomentumContrastLoss? Distilled, CrossBatchMemory? Memory, CompositeLoss All);

    private static Contrasts Contrast(FusionKey key, int pictures, int features, int queue)
    {
        var temperature = Temperature.Learned(0.07, 0.001, 0.5);
        var memory = new CrossBatchMemory(queue, features);
        var distilled = key.Loss == Losses.Baseline ? new MomentumContrastLoss(memory, temperature) : null;
        ModalityLoss contrast = distilled is not null ? distilled : new MultimodalContrastiveLoss(
            new GammaContrastiveLoss(new PartitionTable(pictures), temperature, ContrastMode.Symmetric, memory: memory), includeInModal: false);
        // At a fixed time the bridge draws nothing.
        using var none = new Generator(0);
        return new Contrasts(temperature, distilled, distilled is null ? memory : null, Structures.Create(key.Structure, contrast, Weights, Temperature.Fixed(0.07), none));
    }
}
