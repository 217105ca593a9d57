using Contrastive.Evaluation;
using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting.Spaces;

/// <summary>The shared features of some pairs, the plane in which they vary most, and their figures.</summary>
/// <param name="Name">Of the run.</param>
/// <param name="Images">(N, D), of unit length.</param>
/// <param name="Texts">(N, D).</param>
internal sealed record EmbeddingSpace(string Name, Tensor Images, Tensor Texts)
{
    public PrincipalPlane Plane { get; } = PrincipalPlane.Of(cat([Images, Texts], 0));

    public double Gap { get; } = ModalityGap.Compute(Images, Texts);

    public double Alignment { get; } = Evaluation.Alignment.Compute(Images, Texts);

    /// <summary>The mean of both modalities.</summary>
    public double Uniformity { get; } = (Evaluation.Uniformity.Compute(Images) + Evaluation.Uniformity.Compute(Texts)) / 2;

    public static EmbeddingSpace Of(string name, TowerPair towers, ShapePairs pairs)
    {
        var features = Features.Of(towers, pairs);
        return new EmbeddingSpace(name, features.Image.Shared, features.Text.Shared);
    }
}
