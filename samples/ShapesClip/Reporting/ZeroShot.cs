using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>How often a picture's class is the nearest, or among the three or five nearest, of the classes' prompts.</summary>
public sealed record ZeroShotScores(double Top1, double Top3, double Top5);

/// <summary>Zero-shot classification of pictures with an ensemble of prompts for each class.</summary>
internal static class ZeroShot
{
    /// <param name="pictures">(N, D) features.</param>
    /// <param name="labels">(N) classes.</param>
    public static ZeroShotReport Evaluate(TowerPair towers, IReadOnlyList<IReadOnlyList<string>> prompts, Tensor pictures, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var features = Features.Of(towers.Text, towers.Tokenizer.Encode([.. prompts.SelectMany(texts => texts)], pictures.device));
        long[] classes = [.. prompts.Index().SelectMany(texts => Enumerable.Repeat((long)texts.Index, texts.Item.Count))];
        using var classifier = new ZeroShotClassifier(features, tensor(classes, device: pictures.device));
        return classifier.Evaluate(pictures, labels, [1, 3, 5]);
    }

    public static ZeroShotScores Score(TowerPair towers, IReadOnlyList<IReadOnlyList<string>> prompts, Tensor pictures, Tensor labels)
    {
        var top = Evaluate(towers, prompts, pictures, labels).TopAccuracy;
        return new ZeroShotScores(top[1], top[3], top[5]);
    }
}
