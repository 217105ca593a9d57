using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What a loss needs of the similarities of each anchor, (n). All of it is relative to a reference r_i near the largest of
/// them, so that differences keep their digits whatever the size of the similarities.
/// </summary>
/// <param name="logPositives">log Σ_positives exp(s_ij - r_i).</param>
/// <param name="logNegatives">log Σ_negatives exp(s_ij - r_i).</param>
/// <param name="positiveLogits">Σ (s_ij - r_i) over the numerator's pairs, the positives.</param>
/// <param name="reference">r_i; null stands for 0.</param>
/// <param name="isSinglePositive">Whether every anchor has one positive and at least one negative.</param>
/// <param name="counts">Counts the pairs; asked once at most.</param>
internal sealed class PairSums(
    Tensor logPositives, Tensor logNegatives, Tensor positiveLogits, Tensor? reference, bool isSinglePositive, Func<PairCounts> counts)
{
    public Tensor LogPositives => logPositives;

    public Tensor LogNegatives => logNegatives;

    public Tensor PositiveLogits => positiveLogits;

    public Tensor? Reference => reference;

    public bool IsSinglePositive => isSinglePositive;

    /// <summary>How many pairs each sum has.</summary>
    public PairCounts Counts => _counts ??= counts();

    private PairCounts? _counts;

    /// <summary>A logarithm that is relative to r_i, as it is.</summary>
    public Tensor Absolute(Tensor relative) => reference is null ? relative : relative.Plus(reference);

    /// <summary>
    /// The same relative to the larger of each anchor's two sums: then the logarithm of their sum, less that of one of them, keeps its
    /// digits however small it is.
    /// </summary>
    public PairSums RelativeToLarger()
    {
        var larger = logPositives.maximum(logNegatives);
        if (!isSinglePositive) larger = larger.masked_fill(larger.isneginf(), Scalars.Zero);
        // What it is away from the reference before is what rounding left of it.
        var next = Absolute(larger);
        var shift = reference is null ? larger : next.sub(reference);
        var positives = logPositives.sub(shift);
        return new PairSums(
            positives,
            logNegatives.sub(shift),
            ReferenceEquals(logPositives, positiveLogits) ? positives : positiveLogits.sub(shift.mul(Counts.Numerator)),
            next,
            isSinglePositive,
            () => Counts);
    }

    /// <summary>The same relative to another reference, (n).</summary>
    public PairSums RelativeTo(Tensor other)
    {
        var shift = (reference ?? zeros_like(other)).sub(other);
        return new PairSums(
            logPositives.Plus(shift), logNegatives.Plus(shift), positiveLogits.Plus(shift.mul(Counts.Numerator)), other, isSinglePositive, () => Counts);
    }

    /// <summary>The same without a graph; itself where it has none.</summary>
    public PairSums Detach() => !logNegatives.requires_grad && !logPositives.requires_grad && !positiveLogits.requires_grad ? this : new(logPositives.detach(), logNegatives.detach(), positiveLogits.detach(), reference, isSinglePositive, () => Counts);

    /// <summary>The same without a graph, in tensors of their own. Both sums of a single positive are one tensor, and stay one.</summary>
    public PairSums Copy()
    {
        var positives = logPositives.detach().clone();
        var logits = ReferenceEquals(logPositives, positiveLogits) ? positives : positiveLogits.detach().clone();
        var counts = Counts.Copy();
        return new PairSums(positives, logNegatives.detach().clone(), logits, reference?.clone(), isSinglePositive, () => counts);
    }

    /// <summary>The same with another sum over the negatives.</summary>
    public PairSums WithLogNegatives(Tensor other) => new(logPositives, other, positiveLogits, reference, isSinglePositive, () => Counts);

    /// <summary>The sums over the negatives of both, for the same anchors.</summary>
    /// <param name="other">Sums that have no positives.</param>
    public PairSums WithNegatives(PairSums other)
    {
        var log = other.RelativeTo(reference ?? zeros_like(other.LogNegatives.detach())).LogNegatives;
        return WithMoreNegatives(other.Counts.Negatives).WithLogNegatives(LogAddExp(logNegatives, log));
    }

    /// <summary>The same with a larger number of negatives.</summary>
    /// <param name="count">How many more each anchor has, (n).</param>
    public PairSums WithMoreNegatives(Tensor count)
    {
        var counts = Counts with { Negatives = Counts.Negatives.Plus(count), NegativesOfEach = null };
        return new PairSums(logPositives, logNegatives, positiveLogits, reference, isSinglePositive, () => counts);
    }

    /// <summary>log(exp(x) + exp(y)); of -∞ twice it is -∞, and has no gradient instead of NaN.</summary>
    private static Tensor LogAddExp(Tensor x, Tensor y)
    {
        if (!x.requires_grad && !y.requires_grad) return x.logaddexp(y);
        var none = x.isneginf().logical_and(y.isneginf());
        return x.masked_fill(none, Scalars.Zero).logaddexp(y.masked_fill(none, Scalars.Zero)).masked_fill(none, Scalars.NegativeInfinity);
    }

    /// <summary>The sums over negatives with a positive of each anchor that comes apart.</summary>
    /// <param name="positive">s_ip, (n).</param>
    public PairSums WithPositive(Tensor positive)
    {
        if (reference is not null) positive = positive.sub(reference);
        var one = ones_like(Counts.Negatives);
        return new PairSums(
            positive, logNegatives, positive, reference, isSinglePositive: false, () => new PairCounts(one, Counts.Negatives, one));
    }

    /// <summary>The same with 0 for the anchors of a mask: their sums may be -∞ and would have derivatives that are NaN.</summary>
    public PairSums ZeroWhere(Tensor mask)
    {
        Tensor Defined(Tensor values) => values.masked_fill(mask, Scalars.Zero);
        return new PairSums(Defined(logPositives), Defined(logNegatives), Defined(positiveLogits), reference, isSinglePositive: false, () => Counts);
    }
}

/// <summary>The derivatives of a loss by the sums of each anchor, (n): what a pull-back to the features starts from.</summary>
/// <param name="LogPositives">∂L/∂ log Σ_positives; null where the loss does not depend on it.</param>
/// <param name="LogNegatives">∂L/∂ log Σ_negatives.</param>
/// <param name="PositiveLogits">∂L/∂ Σ s over the positives; null where the loss does not depend on it.</param>
/// <param name="Remembered">By log Σ over remembered negatives, which another matrix has; null for none.</param>
/// <param name="IsRatio">Whether the loss depends on the ratio of positive and negatives alone: then ∂L/∂ Σ s = -∂L/∂ log Σ_negatives, and is left out.</param>
/// <param name="PositiveWeights">By a loss's own weights of the positives, which are no concern of the similarities; null for none.</param>
internal readonly record struct SumDerivatives(
    Tensor? LogPositives, Tensor LogNegatives, Tensor? PositiveLogits, Tensor? PositiveWeights = null, Tensor? Remembered = null, bool IsRatio = false)
{
    /// <summary>∂L/∂ Σ s over the positives, left out or not.</summary>
    public Tensor? ByPositiveLogits => IsRatio ? LogNegatives.neg() : PositiveLogits;

    /// <summary>Those of the sum of two losses of the same sums.</summary>
    public SumDerivatives Plus(SumDerivatives other)
    {
        return new SumDerivatives(
            Both(LogPositives, other.LogPositives), LogNegatives.Plus(other.LogNegatives), Both(ByPositiveLogits, other.ByPositiveLogits));

        static Tensor? Both(Tensor? left, Tensor? right) => left is null ? right : right is null ? left : left.Plus(right);
    }

    /// <summary>Those of <paramref name="share"/> times the loss, times weights (n) if any, and none for skipped anchors.</summary>
    public SumDerivatives Of(double share, Tensor? mask = null, Tensor? weights = null)
    {
        using var factor = share.ToScalar();
        return new SumDerivatives(
            LogPositives is null ? null : Part(LogPositives),
            Part(LogNegatives),
            PositiveLogits is null ? null : Part(PositiveLogits),
            PositiveWeights is null ? null : Part(PositiveWeights),
            Remembered is null ? null : Part(Remembered),
            IsRatio);

        Tensor Part(Tensor values)
        {
            if (share != 1) values = values.mul(factor);
            if (weights is not null) values = values.mul(weights);
            return mask is null ? values : values.masked_fill(mask, Scalars.Zero);
        }
    }
}
