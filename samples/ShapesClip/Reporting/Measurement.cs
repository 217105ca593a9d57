using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>What two towers can do, measured on a data set.</summary>
internal static class Measurement
{
    private const int CurvePairs = 500;

    /// <summary>A quick look at the first validation pairs: recall@1, and zero-shot accuracy of shape and colour together.</summary>
    public static Glance Glance(TowerPair towers, ShapeData data)
    {
        using var scope = NewDisposeScope();
        var pairs = First(data.Validation, CurvePairs);
        var features = Features.Of(towers, pairs);
        var retrieval = Retrieval.Evaluate(features.Image.Shared, features.Text.Shared);
        return new Glance(
            (retrieval.LeftToRight.HitRateAt[1] + retrieval.RightToLeft.HitRateAt[1]) / 2,
            ZeroShot.Score(towers, Prompts.Combinations, features.Image.Shared, Combinations(pairs)).Top1);
    }

    /// <summary>Every figure of a finished run.</summary>
    public static RunResult Full(RunKey key, ShapesSettings settings, TowerPair towers, ShapeData data, RunCurves curves)
    {
        using var scope = NewDisposeScope();
        var validation = Features.Of(towers, data.Validation);
        var test = Features.Of(towers, data.Test);
        var heldOut = Features.Of(towers, data.HeldOut);
        var (image, text) = (test.Image.Shared, test.Text.Shared);
        return new RunResult(
            key.Loss,
            key.Structure,
            key.BatchSize,
            key.Seed,
            ZeroShot.Score(towers, Prompts.Shapes, image, Labels(data.Test, Attributes.Shape)),
            ZeroShot.Score(towers, Prompts.Colours, image, Labels(data.Test, Attributes.Colour)),
            Seen: ZeroShot.Score(towers, Prompts.Combinations, image, Combinations(data.Test)),
            HeldOut: ZeroShot.Score(towers, Prompts.Combinations, heldOut.Image.Shared, Combinations(data.HeldOut)),
            PairFigures.Measure(image, text),
            HeldOutRetrieval: PairFigures.Measure(
                heldOut.Image.Shared.narrow(0, 0, data.DistinctHeldOut), heldOut.Text.Shared.narrow(0, 0, data.DistinctHeldOut)),
            AttributeProbe.All(validation, data.Validation, test, data.Test, settings, () => Streams.Probes(key.Seed)),
            curves);
    }

    private static ShapePairs First(ShapePairs pairs, int count)
    {
        count = Math.Min(count, pairs.Scenes.Count);
        return new ShapePairs(Of(pairs.Images), Of(pairs.Tokens), Of(pairs.Classes), [.. pairs.Captions.Take(count)], [.. pairs.Scenes.Take(count)]);

        Tensor Of(Tensor items) => items.narrow(0, 0, count);
    }

    /// <summary>The classes of the pairs by an attribute, (N).</summary>
    public static Tensor Labels(ShapePairs pairs, AttributeKind kind) => pairs.Classes.select(1, Attributes.All.Index().First(item => item.Item == kind).Index);

    private static Tensor Combinations(ShapePairs pairs)
        => tensor([.. pairs.Scenes.Select(scene => (long)Prompts.Combination(scene.Shape, scene.Colour))], device: pairs.Images.device);
}

/// <summary>The unit features of some pairs, as both towers see them.</summary>
internal sealed record PairFeatures(ModalityFeatures Image, ModalityFeatures Text);

/// <summary>Features of many inputs, some at a time.</summary>
internal static class Features
{
    private const long Chunk = 250;

    /// <summary>The shared ones, (N, D), of unit length.</summary>
    public static Tensor Of(Tower tower, Tensor input) => Of(tower, input, x => x).Shared;

    public static PairFeatures Of(TowerPair towers, ShapePairs pairs)
        => new(Of(towers.Image, pairs.Images, TowerPair.Prepare), Of(towers.Text, pairs.Tokens, x => x));

    /// <summary>All of them, of inputs that are prepared some at a time.</summary>
    public static ModalityFeatures Of(Tower tower, Tensor input, Func<Tensor, Tensor> prepare)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var chunks = input.split(Chunk).Select(chunk => tower.Features(prepare(chunk))).ToArray();
        return new ModalityFeatures(
            Unit(chunks.Select(chunk => chunk.Shared)),
            Independent: chunks[0].Independent is null ? null : Unit(chunks.Select(chunk => chunk.Independent!)));

        static Tensor Unit(IEnumerable<Tensor> parts)
            => nn.functional.normalize(FiniteGuard.Check(cat([.. parts], 0), "the features"), dim: 1).MoveToOuterDisposeScope();
    }
}
