using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The shared features of some pairs, the plane in which they vary most, and their figures.</summary>
/// <param name="Images">(N, D), of unit length.</param>
/// <param name="Texts">(N, D).</param>
internal sealed record EmbeddingSpace(string Name, Tensor Images, Tensor Texts)
{
    public PrincipalPlane Plane { get; } = PrincipalPlane.Of(cat([Images, Texts], 0));

    public SpaceFigures Figures { get; } = SpaceFigures.Of(Images, Texts);

    public static EmbeddingSpace Of(string name, TowerPair towers, ShapePairs pairs)
    {
        var features = Features.Of(towers, pairs);
        return new EmbeddingSpace(name, features.Image.Shared, features.Text.Shared);
    }
}

/// <summary>The plane through the middle of some points in which they vary most: their first two principal components.</summary>
/// <param name="Middle">(1, D).</param>
/// <param name="Axes">(D, 2).</param>
/// <param name="FirstShare">Of the points' variance, along the first axis.</param>
/// <param name="SecondShare">Along the second.</param>
internal sealed record PrincipalPlane(Tensor Middle, Tensor Axes, double FirstShare, double SecondShare)
{
    /// <summary>
    /// The plane of points (N, D), in float64. Of the two directions of each axis it takes the one whose largest coordinate
    /// is positive, so the same points always give the same picture.
    /// </summary>
    public static PrincipalPlane Of(Tensor points)
    {
        using var scope = NewDisposeScope();
        var x = points.to(ScalarType.Float64);
        var middle = x.mean([0L], keepdim: true);
        var centred = x - middle;
        var (variances, vectors) = linalg.eigh(centred.t().mm(centred));
        // Points on a line have a plane too.
        var axes = nn.functional.pad(vectors.flip(1), [0, 1]).narrow(1, 0, 2);
        var largest = axes.gather(0, axes.abs().argmax(0, keepdim: true));
        var signs = where(largest.lt(Scalars.Zero), ones_like(largest).neg(), ones_like(largest));
        var total = Math.Max(variances.SumAll().item<double>(), double.Epsilon);
        var shares = nn.functional.pad(variances.flip(0), [0, 1]).cpu();
        return new PrincipalPlane(
            middle.MoveToOuterDisposeScope(), (axes * signs).MoveToOuterDisposeScope(), shares[0].item<double>() / total, shares[1].item<double>() / total);
    }

    /// <summary>Where points (N, D) come to lie.</summary>
    public IReadOnlyList<(double X, double Y)> Project(Tensor points)
    {
        using var scope = NewDisposeScope();
        var at = (points.to(ScalarType.Float64) - Middle).mm(Axes).contiguous().cpu().data<double>().ToArray();
        return [.. Enumerable.Range(0, at.Length / 2).Select(i => (at[2 * i], at[2 * i + 1]))];
    }
}
