using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Samples.ShapesClip.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting;

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
        return new Glance(
            RetrievalFigures.Of(features.Image.Shared, features.Text.Shared).RecallAt1,
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
        return new RunResult
        {
            Loss = key.Loss,
            Structure = key.Structure,
            BatchSize = key.BatchSize,
            Seed = key.Seed,
            Shape = ZeroShot.Score(towers, Prompts.Shapes, image, Labels(data.Test, Attributes.Shape)),
            Colour = ZeroShot.Score(towers, Prompts.Colours, image, Labels(data.Test, Attributes.Colour)),
            Seen = ZeroShot.Score(towers, Prompts.Combinations, image, Combinations(data.Test)),
            HeldOut = ZeroShot.Score(towers, Prompts.Combinations, heldOut.Image.Shared, Combinations(data.HeldOut)),
            Retrieval = RetrievalFigures.Of(image, text),
            HeldOutRetrieval = RetrievalFigures.Of(
                heldOut.Image.Shared.narrow(0, 0, data.DistinctHeldOut), heldOut.Text.Shared.narrow(0, 0, data.DistinctHeldOut)),
            ModalityGap = Contrastive.Evaluation.ModalityGap.Compute(image, text),
            Alignment = Contrastive.Evaluation.Alignment.Compute(image, text),
            Uniformity = (Contrastive.Evaluation.Uniformity.Compute(image) + Contrastive.Evaluation.Uniformity.Compute(text)) / 2,
            Probes = AttributeProbe.All(validation, data.Validation, test, data.Test, settings, () => Streams.Probes(key.Seed)),
            Curves = curves,
        };
    }

    private static ShapePairs First(ShapePairs pairs, int count)
    {
        count = Math.Min(count, pairs.Scenes.Count);
        return new ShapePairs(
            pairs.Images.narrow(0, 0, count),
            pairs.Tokens.narrow(0, 0, count),
            pairs.Classes.narrow(0, 0, count),
            [.. pairs.Captions.Take(count)],
            [.. pairs.Scenes.Take(count)]);
    }

    /// <summary>The classes of the pairs by an attribute, (N).</summary>
    public static Tensor Labels(ShapePairs pairs, AttributeKind kind) => pairs.Classes.select(1, Attributes.All.Index().First(item => item.Item == kind).Index);

    private static Tensor Combinations(ShapePairs pairs)
        => tensor([.. pairs.Scenes.Select(scene => (long)Prompts.Combination(scene.Shape, scene.Colour))], device: pairs.Images.device);
}
