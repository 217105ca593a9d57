using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// The features of augmentations beside those of their pairs, and how they lie to the bridge between the modalities.
/// </summary>
/// <param name="Images">(N, D) of the pairs.</param>
/// <param name="Texts">(N, D).</param>
/// <param name="AugmentedImages">(N, K, D), if the bridge is about pictures.</param>
/// <param name="AugmentedTexts">(N, K, D), if it is about captions.</param>
/// <param name="Time">The weight of the augmentations' own side in the mean that training asks of them.</param>
internal sealed record Bridges(Tensor Images, Tensor Texts, Tensor? AugmentedImages, Tensor? AugmentedTexts, double Time)
{
    /// <summary>How far the augmentations have gone from their own feature (0) to the other modality's (1), on average.</summary>
    public double Along()
    {
        using var scope = NewDisposeScope();
        return Sides().Average(side =>
        {
            var way = side.Other - side.Own;
            return ((side.Augmented - side.Own) * way).sum(dim: 2).div(way.Square().sum(dim: 2)).mean().item<float>();
        });
    }

    /// <summary>The mean distance of the augmentations from where the bridge has its mean at <see cref="Time"/>.</summary>
    public double Distance()
    {
        using var scope = NewDisposeScope();
        return Sides().Average(side => Residual(side).Square().sum(dim: 2).sqrt().mean().item<float>());
    }

    /// <summary>The most likely scale of a bridge that the augmentations lie on: √(‖x - μ‖² / (D t(1-t))).</summary>
    public double Scale()
    {
        using var scope = NewDisposeScope();
        return Math.Sqrt(Sides().Average(side => Residual(side).Square().mean().item<float>()) / (Time * (1 - Time)));
    }

    /// <summary>So many paths from each picture to its caption: (N · paths, times, D).</summary>
    public Tensor Paths(int paths, IReadOnlyList<double> times, double scale, Generator random)
    {
        using var scope = NewDisposeScope();
        return BrownianBridge.SamplePaths(Images.repeat_interleave(paths, 0), Texts.repeat_interleave(paths, 0), times, scale, random)
            .MoveToOuterDisposeScope();
    }

    private IEnumerable<(Tensor Own, Tensor Other, Tensor Augmented)> Sides()
    {
        if (AugmentedImages is not null)
            yield return (Images.unsqueeze(1), Texts.unsqueeze(1), AugmentedImages);
        if (AugmentedTexts is not null)
            yield return (Texts.unsqueeze(1), Images.unsqueeze(1), AugmentedTexts);
    }

    private Tensor Residual((Tensor Own, Tensor Other, Tensor Augmented) side)
        => side.Augmented - nn.functional.normalize(side.Own.Times(Time).Plus(side.Other.Times(1 - Time)), dim: 2);
}
