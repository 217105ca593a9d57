using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>How much each anchor counts, and each candidate as an anchor of the other direction. As given, in coordinates of the whole.</summary>
/// <param name="Anchors">(N); null where they were not said.</param>
/// <param name="Candidates">(M), likewise.</param>
internal sealed record AnchorWeights(Tensor? Anchors, Tensor? Candidates)
{
    /// <summary>The same with anchors and candidates in each other's place.</summary>
    public AnchorWeights Transpose() => new(Candidates, Anchors);

    /// <summary>Refuses what are no weights. Waits for the device.</summary>
    public static void Check(Tensor weights, long count, [CallerArgumentExpression(nameof(weights))] string name = "")
    {
        Guard.Floating(weights, name);
        if (weights.dim() != 1 || weights.shape[0] != count)
            throw new ArgumentException($"{name} must have the shape ({count}) but have {Guard.Shape(weights)}", name);
        using var scope = NewDisposeScope();
        var right = weights.detach().ge(Scalars.Zero).logical_and(weights.detach().isfinite());
        if (right.all().item<bool>()) return;
        var row = right.logical_not().nonzero()[0, 0].item<long>();
        throw new ArgumentException(
            $"{name} must be finite and at least 0 but are {weights.detach()[row].to(ScalarType.Float64).item<double>()} in row {row}", name);
    }
}
