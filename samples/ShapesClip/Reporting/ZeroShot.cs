using Contrastive.Samples.ShapesClip.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>How often a picture's class is the nearest, or among the three or five nearest, of the classes' prompts.</summary>
public sealed record ZeroShotScores(double Top1, double Top3, double Top5);

/// <summary>Zero-shot classification: each class is the mean of its prompts' unit features.</summary>
internal static class ZeroShot
{
    /// <summary>(C, D) unit features of the classes.</summary>
    public static Tensor Classes(TowerPair towers, IReadOnlyList<IReadOnlyList<string>> prompts, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var tokens = towers.Tokenizer.Encode([.. prompts.SelectMany(texts => texts)], device);
        var features = Features.Of(towers.Text, tokens);
        var classes = features.split([.. prompts.Select(texts => (long)texts.Count)]).Select(part => part.mean([0L])).ToArray();
        return nn.functional.normalize(stack(classes), dim: 1).MoveToOuterDisposeScope();
    }

    /// <param name="pictures">(N, D) unit features.</param>
    /// <param name="classes">(C, D) unit features.</param>
    /// <param name="labels">(N) classes.</param>
    public static ZeroShotScores Score(Tensor pictures, Tensor classes, Tensor labels)
    {
        using var scope = NewDisposeScope();
        var (_, nearest) = pictures.matmul(classes.t()).topk(5, 1);
        var hits = nearest.eq(labels.unsqueeze(1)).to(ScalarType.Float64).cumsum(1).mean([0L]).data<double>().ToArray();
        return new ZeroShotScores(hits[0], hits[2], hits[4]);
    }
}
