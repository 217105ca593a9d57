using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The loss of each anchor of one direction, and what its gradient starts from.</summary>
/// <param name="Values">(n).</param>
/// <param name="Skipped">Which anchors have what they need.</param>
/// <param name="Derivatives">Of each value by its anchor's sums; asked for where there is something to pull back.</param>
/// <param name="Weights">How much each anchor counts, (n); null where all count 1.</param>
internal sealed record AnchorLosses(Tensor Values, SkippedAnchors Skipped, Func<SumDerivatives> Derivatives, Tensor? Weights = null)
{
    /// <summary>(n), times the weights; 0 for skipped anchors.</summary>
    public Tensor Values { get; } = LossReduction.Weigh(Values, Skipped, Weights);

    /// <summary>
    /// The losses of a matrix in one direction, reduced: strip by strip where not all tiles can be kept, since the loss is a sum over
    /// anchors.
    /// </summary>
    /// <param name="matrix">The similarities.</param>
    /// <param name="equation">From the sums of a run of anchors, its first and its count, to their losses.</param>
    /// <param name="reduction">How they become one value.</param>
    /// <param name="take">Takes what is of own inputs out of the derivatives of a run of anchors, its first and its count.</param>
    /// <param name="own">
    /// Asked when all derivatives were taken: pulls back what is not the matrix's to pull back, or gives an input of the loss's own, (N), that
    /// may require a gradient, with its derivatives.
    /// </param>
    public static (Tensor Loss, long Skipped) Of(
        SimilarityMatrix matrix,
        Func<PairSums, long, long, AnchorLosses> equation,
        nn.Reduction reduction,
        Func<SumDerivatives, long, long, SumDerivatives>? take = null,
        Func<(Tensor Input, Tensor Derivative)?>? own = null)
    {
        var (parts, weights, anchors, skipped) = (new List<Tensor>(), new List<Tensor>(), 0L, 0L);
        foreach (var (first, count, sums) in matrix.Strips())
        {
            var losses = equation(sums.Anchors, first, count);
            (anchors, skipped) = (anchors + count, skipped + losses.Skipped.Count);
            if (matrix.NeedsPullBack)
            {
                var derivatives = losses.DerivativesOf(nn.Reduction.Sum, 1);
                sums.PullBack(take is null ? derivatives : take(derivatives, first, count), null);
            }
            // A strip's scope ends with it.
            if (losses.TotalWeight() is { } weight) weights.Add(weight.MoveToOuterDisposeScope());
            parts.Add((reduction == nn.Reduction.None ? losses.Values : losses.Values.SumAll()).MoveToOuterDisposeScope());
        }
        var sum = parts.Aggregate((total, part) => total.Plus(part));
        var leaf = matrix.NeedsPullBack ? own?.Invoke() : null;
        if (reduction != nn.Reduction.Mean) return (matrix.Attach(sum, 1, leaf), skipped);
        if (weights.Count > 0)
            return (matrix.Attach(sum, 1, leaf).div(LossReduction.OrOne(weights.Aggregate((total, part) => total.Plus(part)))), skipped);
        var share = 1.0 / Math.Max(1, anchors - skipped);
        return (matrix.Attach(sum, share, leaf), skipped);
    }

    /// <summary>The losses of all anchors and, of a symmetric loss, of all candidates as anchors, reduced to one value, or the mean of both.</summary>
    /// <param name="matrix">The similarities.</param>
    /// <param name="sums">Its sums.</param>
    /// <param name="forward">What the anchors' sums gave.</param>
    /// <param name="backward">What the candidates' sums gave; null for one direction.</param>
    /// <param name="reduction">How they become one value.</param>
    /// <param name="own">From the derivatives of both, without a common factor, to the loss's own inputs with their derivatives.</param>
    public static Tensor Of(
        SimilarityMatrix matrix,
        ContrastSums sums,
        AnchorLosses forward,
        AnchorLosses? backward,
        nn.Reduction reduction,
        Func<SumDerivatives, SumDerivatives?, (Tensor Input, Tensor Derivative)?[]>? own = null)
    {
        // A factor that all values and derivatives have in common is left to the last step.
        var half = backward is null ? 1 : 0.5;
        var common = matrix.NeedsPullBack && forward.Share(reduction) is { } share && (backward is null || backward.Share(reduction) == share)
            ? share * half
            : (double?)null;
        var loss = common is null
            ? backward is null ? forward.Reduce(reduction) : LossReduction.MeanOfDirections(forward, backward, reduction)
            : backward is null ? forward.Values.SumAll()
            : forward.Values.size(0) == backward.Values.size(0) ? forward.Values.Plus(backward.Values).SumAll()
            : forward.Values.SumAll().Plus(backward.Values.SumAll());
        if (!matrix.NeedsPullBack) return matrix.Attach(loss, 1);

        var (byForward, byBackward) = common is not null
            ? (forward.DerivativesOf(nn.Reduction.Sum, 1), backward?.DerivativesOf(nn.Reduction.Sum, 1))
            : (forward.DerivativesOf(reduction, half), backward?.DerivativesOf(reduction, half));
        sums.PullBack(byForward, byBackward);
        return matrix.Attach(loss, common ?? 1, own?.Invoke(byForward, byBackward) ?? []);
    }

    /// <summary>One value; the mean is over the anchors that count, and 0 of none.</summary>
    public Tensor Reduce(nn.Reduction reduction) => Values.Reduce(Skipped, reduction, TotalWeight());

    /// <summary>How many anchors the mean is over; null where they have weights.</summary>
    public long? CountOfMean() => Weights is null ? Values.size(0) - Skipped.Count : null;

    /// <summary>The derivatives of <paramref name="share"/> times <see cref="Reduce"/>'s value.</summary>
    public SumDerivatives DerivativesOf(nn.Reduction reduction, double share)
    {
        if (Weights is not null)
        {
            var weights = reduction == nn.Reduction.Mean ? Weights.div(LossReduction.OrOne(TotalWeight()!)) : Weights;
            return Derivatives().Of(share, Skipped.Mask, weights);
        }
        return Derivatives().Of(share * Share(reduction)!.Value, Skipped.Mask);
    }

    /// <summary>What each anchor's value counts in <see cref="Reduce"/>'s; null where they have weights.</summary>
    private double? Share(nn.Reduction reduction)
        => Weights is not null ? null : reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, Values.size(0) - Skipped.Count) : 1;

    /// <summary>Σ w over the anchors that count, (); null without weights.</summary>
    private Tensor? TotalWeight() => Weights is null ? null : LossReduction.Weigh(Weights, Skipped, null).SumAll();
}

/// <summary>From one value per anchor to the value of a batch.</summary>
internal static class LossReduction
{
    /// <summary>Anchors that lack a pair are 0 and do not count in the mean; the mean of no anchor is 0.</summary>
    /// <param name="perAnchor">(n), times its weight where anchors have one.</param>
    /// <param name="skipped">Which anchors do not count.</param>
    /// <param name="reduction">How they become one value.</param>
    /// <param name="totalWeight">What the mean is divided by, (); null for the number of anchors that count.</param>
    public static Tensor Reduce(this Tensor perAnchor, SkippedAnchors skipped, nn.Reduction reduction, Tensor? totalWeight = null)
    {
        if (skipped.Mask is { } mask) perAnchor = perAnchor.masked_fill(mask, Scalars.Zero);
        return reduction switch
        {
            nn.Reduction.None => perAnchor,
            nn.Reduction.Sum => perAnchor.SumAll(),
            _ when totalWeight is not null => perAnchor.SumAll().div(OrOne(totalWeight)),
            _ => perAnchor.SumAll().Times(1.0 / Math.Max(1, perAnchor.shape[0] - skipped.Count)),
        };
    }

    /// <summary>Times the weights, if any; 0 for skipped anchors.</summary>
    public static Tensor Weigh(Tensor perAnchor, SkippedAnchors skipped, Tensor? weights)
    {
        if (weights is not null) perAnchor = perAnchor.mul(weights);
        return skipped.Mask is { } mask ? perAnchor.masked_fill(mask, Scalars.Zero) : perAnchor;
    }

    /// <summary>A total to divide by: the mean of nothing is 0.</summary>
    public static Tensor OrOne(Tensor total) => total.masked_fill(total.eq(Scalars.Zero), Scalars.One);

    public static Tensor MeanOfDirections(Tensor forward, Tensor backward) => forward.Plus(backward).mul(Scalars.Half);

    /// <summary>The mean of the reduced values of both directions.</summary>
    public static Tensor MeanOfDirections(AnchorLosses forward, AnchorLosses backward, nn.Reduction reduction)
    {
        var (count, other) = (forward.CountOfMean(), backward.CountOfMean());
        if (reduction == nn.Reduction.None || count is null || count != other || forward.Values.size(0) != backward.Values.size(0))
            return MeanOfDirections(forward.Reduce(reduction), backward.Reduce(reduction));
        // As many anchors either way: one sum will do.
        var sum = forward.Values.Plus(backward.Values).SumAll();
        return sum.Times(reduction == nn.Reduction.Mean ? 0.5 / Math.Max(1, count.Value) : 0.5);
    }
}
