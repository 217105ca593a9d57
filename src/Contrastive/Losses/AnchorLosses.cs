using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The loss of each anchor of one direction, and what its gradient starts from.</summary>
/// <param name="Values">(n).</param>
/// <param name="Skipped">Which anchors have what they need.</param>
/// <param name="Derivatives">Of each value by its anchor's sums; asked for where there is something to pull back.</param>
internal sealed record AnchorLosses(Tensor Values, SkippedAnchors Skipped, Func<SumDerivatives> Derivatives)
{
    /// <summary>(n); 0 for skipped anchors.</summary>
    public Tensor Values { get; } = Skipped.Mask is { } mask ? Values.masked_fill(mask, Scalars.Zero) : Values;

    /// <summary>
    /// The losses of a matrix in one direction, reduced: strip by strip where not all tiles can be kept, since the loss is a sum over
    /// anchors.
    /// </summary>
    /// <param name="matrix">The similarities.</param>
    /// <param name="equation">From the sums of a run of anchors, its first and its count, to their losses.</param>
    /// <param name="reduction">How they become one value.</param>
    /// <param name="own">The loss's own inputs, (N), that may require a gradient; their derivatives, as the equation left them.</param>
    public static (Tensor Loss, long Skipped) Of(
        SimilarityMatrix matrix,
        Func<PairSums, long, long, AnchorLosses> equation,
        nn.Reduction reduction,
        (Tensor Input, Tensor Derivative)? own = null)
    {
        var (parts, anchors, skipped) = (new List<Tensor>(), 0L, 0L);
        foreach (var (first, count, sums) in matrix.Strips())
        {
            var losses = equation(sums.Anchors, first, count);
            (anchors, skipped) = (anchors + count, skipped + losses.Skipped.Count);
            if (matrix.NeedsPullBack) sums.PullBack(losses.Derivatives().Of(1, losses.Skipped.Mask), null);
            // A strip's scope ends with it.
            parts.Add((reduction == nn.Reduction.None ? losses.Values : losses.Values.SumAll()).MoveToOuterDisposeScope());
        }
        var loss = matrix.Attach(parts.Aggregate((total, part) => total.Plus(part)), own);
        return (reduction == nn.Reduction.Mean ? loss.Times(1.0 / Math.Max(1, anchors - skipped)) : loss, skipped);
    }

    /// <summary>One value; the mean is over the anchors that count, and 0 of none.</summary>
    public Tensor Reduce(nn.Reduction reduction) => Values.Reduce(Skipped, reduction);

    /// <summary>The derivatives of <paramref name="share"/> times <see cref="Reduce"/>'s value.</summary>
    public SumDerivatives DerivativesOf(nn.Reduction reduction, double share)
    {
        if (reduction == nn.Reduction.Mean) share /= Math.Max(1, Values.shape[0] - Skipped.Count);
        return Derivatives().Of(share, Skipped.Mask);
    }
}

/// <summary>From one value per anchor to the value of a batch.</summary>
internal static class LossReduction
{
    /// <summary>Anchors that lack a pair are 0 and do not count in the mean; the mean of no anchor is 0.</summary>
    public static Tensor Reduce(this Tensor perAnchor, SkippedAnchors skipped, nn.Reduction reduction)
    {
        if (skipped.Mask is { } mask) perAnchor = perAnchor.masked_fill(mask, Scalars.Zero);
        return reduction switch
        {
            nn.Reduction.None => perAnchor,
            nn.Reduction.Sum => perAnchor.SumAll(),
            _ => perAnchor.SumAll().Times(1.0 / Math.Max(1, perAnchor.shape[0] - skipped.Count)),
        };
    }

    public static Tensor MeanOfDirections(Tensor forward, Tensor backward) => forward.Plus(backward).mul(Scalars.Half);
}
