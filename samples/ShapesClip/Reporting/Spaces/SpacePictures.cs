using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// Some of the training pairs, and the spaces of finished runs of the first seed on its test pairs, before training and after.
/// Everything is drawn from the saved towers and the seed, so a finished experiment can be drawn again at any time.
/// </summary>
internal static class SpacePictures
{
    // Bridges are drawn between so many pairs, with so many augmentations of each.
    private const int BridgedPairs = 6;
    private const int Augmentations = 16;

    /// <returns>The files.</returns>
    public static IReadOnlyList<string> Write(ShapesSettings settings, Outputs outputs, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var seed = settings.Seeds[0];
        using var data = ShapeData.Draw(settings.Pairs, (int)seed, device);
        var spaces = new List<EmbeddingSpace>();
        var bridged = new List<(EmbeddingSpace, Bridges)>();
        var confusions = new List<(string, double[,])>();
        foreach (var key in settings.Grid.Where(key => key.Seed == seed))
        {
            using var model = SavedModel.Load(outputs.Model(key), device);
            if (spaces.Count == 0)
                spaces.Add(BeforeTraining(model.Towers.Sizes, seed, data.Test, device));
            var space = EmbeddingSpace.Of(key.Group, model.Towers, data.Test);
            spaces.Add(space);
            confusions.Add((key.Group, ZeroShot.Evaluate(model.Towers, Prompts.Shapes, space.Images, Measurement.Labels(data.Test, Attributes.Shape)).ConfusionMatrix()));
            if (key.Structure is Structures.None || Structures.HasBridge(key.Structure))
                bridged.Add((space, Bridges(model.Towers, space, data, settings, device)));
        }

        ExamplesPicture.Write(outputs.Examples, data.Train);
        PlanePicture.Write(outputs.Planes, spaces);
        ConfusionPicture.Write(outputs.Confusions, confusions, [.. Attributes.Shape.Classes.Select(words => words[0])]);
        if (!settings.Structures.Any(Structures.HasBridge))
            return [outputs.Examples, outputs.Planes, outputs.Confusions];
        BridgePicture.Write(outputs.Bridges, bridged, () => Streams.Loss(seed, device));
        return [outputs.Examples, outputs.Planes, outputs.Confusions, outputs.Bridges];
    }

    /// <summary>All runs of a seed start with the same shared features.</summary>
    private static EmbeddingSpace BeforeTraining(TowerSizes sizes, long seed, ShapePairs pairs, Device device)
    {
        using var random = Streams.Weights(seed);
        using var independent = Streams.IndependentWeights(seed);
        using var towers = new TowerPair(sizes, random, independent);
        towers.to(device);
        return EmbeddingSpace.Of("before training", towers, pairs);
    }

    private static Bridges Bridges(TowerPair towers, EmbeddingSpace space, ShapeData data, ShapesSettings settings, Device device)
    {
        using var inner = NewDisposeScope();
        using var random = Streams.Augmentation(settings.Seeds[0], device);
        using var words = new WordTables(data.Tokenizer, device);
        var pictures = new PictureAugmentation(settings.Crop, settings.Jitter, random);
        var captions = new CaptionAugmentation(words, settings.Synonyms, settings.Swap, settings.Deletion, random);
        var images = settings.BridgeSide is BridgeSide.First or BridgeSide.Both
            ? Features.Of(towers.Image, pictures.Apply(TowerPair.Prepare(Repeated(data.Test.Images))))
            : null;
        var texts = settings.BridgeSide is BridgeSide.Second or BridgeSide.Both
            ? Features.Of(towers.Text, captions.Apply(Repeated(data.Test.Tokens)))
            : null;
        return new Bridges(
            space.Images.narrow(0, 0, BridgedPairs).MoveToOuterDisposeScope(),
            space.Texts.narrow(0, 0, BridgedPairs).MoveToOuterDisposeScope(),
            images?.view(BridgedPairs, Augmentations, -1).MoveToOuterDisposeScope(),
            texts?.view(BridgedPairs, Augmentations, -1).MoveToOuterDisposeScope(),
            settings.BridgeTime);

        static Tensor Repeated(Tensor items) => items.narrow(0, 0, BridgedPairs).repeat_interleave(Augmentations, 0);
    }
}
