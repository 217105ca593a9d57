using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What a loss needs of the similarities of each anchor, (n). All of it is relative to a reference r_i near the largest of
/// them, so that differences keep their digits whatever the size of the similarities.
/// </summary>
/// <param name="logKnown">log Σ_known exp(s_ij - r_i).</param>
/// <param name="logSampled">log Σ_sampled exp(s_ij - r_i).</param>
/// <param name="positive">Σ_positive (s_ij - r_i).</param>
/// <param name="reference">r_i; null stands for 0.</param>
/// <param name="isPlain">Whether every anchor has one positive, which is known, and at least one negative.</param>
/// <param name="counts">Counts the pairs; asked once at most.</param>
internal sealed class PairSums(
    Tensor logKnown, Tensor logSampled, Tensor positive, Tensor? reference, bool isPlain, Func<PairCounts> counts)
{
    public Tensor LogKnown => logKnown;

    public Tensor LogSampled => logSampled;

    public Tensor Positive => positive;

    public Tensor? Reference => reference;

    public bool IsPlain => isPlain;

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
        var larger = logKnown.maximum(logSampled);
        if (!isPlain) larger = larger.masked_fill(larger.isneginf(), Scalars.Zero);
        // What it is away from the reference before is what rounding left of it.
        var next = Absolute(larger);
        var shift = reference is null ? larger : next.sub(reference);
        var known = logKnown.sub(shift);
        return new PairSums(
            known,
            logSampled.sub(shift),
            ReferenceEquals(logKnown, positive) ? known : positive.sub(shift.mul(Counts.Positive)),
            next,
            isPlain,
            () => Counts);
    }

    /// <summary>The same relative to another reference, (n).</summary>
    public PairSums RelativeTo(Tensor other)
    {
        var shift = (reference ?? zeros_like(other)).sub(other);
        return new PairSums(
            logKnown.Plus(shift), logSampled.Plus(shift), positive.Plus(shift.mul(Counts.Positive)), other, isPlain, () => Counts);
    }

    /// <summary>The same without a graph.</summary>
    public PairSums Detach() => new(logKnown.detach(), logSampled.detach(), positive.detach(), reference, isPlain, () => Counts);

    /// <summary>The same with 0 for the anchors that are marked: their sums may be -∞ and would have derivatives that are NaN.</summary>
    public PairSums ZeroWhere(Tensor incomplete)
    {
        Tensor Defined(Tensor values) => values.masked_fill(incomplete, Scalars.Zero);
        return new PairSums(Defined(logKnown), Defined(logSampled), Defined(positive), reference, isPlain: false, () => Counts);
    }
}

/// <summary>The derivatives of a loss by the sums of each anchor, (n): what a pull-back to the features starts from.</summary>
/// <param name="Known">∂L/∂ log Σ_known; null where the loss does not depend on it.</param>
/// <param name="Sampled">∂L/∂ log Σ_sampled.</param>
/// <param name="Positive">∂L/∂ Σ_positive s; null where the loss does not depend on it.</param>
internal readonly record struct SumDerivatives(Tensor? Known, Tensor Sampled, Tensor? Positive)
{
    /// <summary>Those of <paramref name="share"/> times the loss, and none for the anchors that are left out.</summary>
    public SumDerivatives Of(double share, Tensor? incomplete = null)
    {
        return new SumDerivatives(Known is null ? null : Part(Known), Part(Sampled), Positive is null ? null : Part(Positive));

        Tensor Part(Tensor values)
        {
            if (share != 1) values = values.Times(share);
            return incomplete is null ? values : values.masked_fill(incomplete, Scalars.Zero);
        }
    }
}
