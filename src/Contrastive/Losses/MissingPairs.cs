using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What to do with an anchor that has no positive or no negative, for which a contrastive loss is not defined.</summary>
/// <remarks>
/// InfoNCE needs no negative where an anchor has several positives outside the logarithm, which are contrasted with each other, nor
/// with <see cref="PairMap.FromLabels(TorchSharp.torch.Tensor)"/>, as published: a batch of a single class is fine. Where positives are
/// not in the denominator (the decoupled loss) every anchor needs a negative; with target probabilities or label smoothing a positive in
/// part and a second candidate. <see cref="SigmoidContrastiveLoss"/> needs neither.
/// </remarks>
public enum MissingPairs
{
    /// <summary>An <see cref="ArgumentException"/> that names the first such anchor.</summary>
    Throw,

    /// <summary>
    /// Such anchors count nothing: their loss is 0, means are taken over the others, and the result says how many there were.
    /// </summary>
    Skip,
}

/// <summary>The anchors without a positive or without a negative, which a contrastive loss is not defined for.</summary>
/// <param name="Others">(N) bool, the anchors that count; null where every anchor does.</param>
/// <param name="Count">How many are skipped.</param>
internal readonly record struct SkippedAnchors(Tensor? Others, long Count)
{
    public static SkippedAnchors None => new(null, 0);

    /// <summary>(N) bool, the anchors that are skipped; null for none.</summary>
    public Tensor? Mask => Others?.logical_not();

    /// <summary>From the number of positives and negatives of each anchor, (N). Waits for the device.</summary>
    public static SkippedAnchors Find(Tensor positives, Tensor negatives, MissingPairs policy)
    {
        var hasPositive = positives.gt(Scalars.Zero);
        var complete = hasPositive.logical_and(negatives.gt(Scalars.Zero));
        var missing = complete.shape[0] - complete.SumAll().item<long>();
        if (missing == 0) return None;
        if (policy == MissingPairs.Skip) return new SkippedAnchors(complete, missing);

        var first = complete.logical_not().nonzero()[0, 0].item<long>();
        var what = hasPositive[first].item<bool>() ? "negative" : "positive";
        throw new ArgumentException(
            $"anchor {first} has no {what} among the candidates ({missing} of {complete.shape[0]} anchors lack one): "
            + $"give more candidates, or skip such anchors with {nameof(MissingPairs)}.{nameof(MissingPairs.Skip)}");
    }
}
