using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Which anchors have what a contrastive loss needs: a positive and a negative.</summary>
/// <param name="Complete">(N) bool; null where every anchor is known to have both.</param>
/// <param name="Missing">How many anchors do not.</param>
internal readonly record struct PairPresence(Tensor? Complete, long Missing)
{
    public static PairPresence All => new(null, 0);

    /// <summary>(N) bool, the anchors that are left out; null for none.</summary>
    public Tensor? Incomplete => Complete?.logical_not();

    /// <summary>From the number of positives and negatives of each anchor, (N). Waits for the device.</summary>
    public static PairPresence Check(Tensor positives, Tensor negatives, MissingPairs policy)
    {
        var hasPositive = positives.gt(Scalars.Zero);
        var complete = hasPositive.logical_and(negatives.gt(Scalars.Zero));
        var missing = complete.shape[0] - complete.SumAll().item<long>();
        if (missing == 0) return All;
        if (policy == MissingPairs.Skip) return new PairPresence(complete, missing);

        var first = complete.logical_not().nonzero()[0, 0].item<long>();
        var what = hasPositive[first].item<bool>() ? "negative" : "positive";
        throw new ArgumentException(
            $"anchor {first} has no {what} among the candidates ({missing} of {complete.shape[0]} anchors lack one): "
            + $"give more candidates, or leave such anchors out with {nameof(MissingPairs)}.{nameof(MissingPairs.Skip)}");
    }
}
