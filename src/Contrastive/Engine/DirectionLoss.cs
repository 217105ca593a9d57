using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The loss of one direction as a function of the sums.</summary>
/// <param name="PerAnchor">The losses, (n), of a run of n anchors, from their sums and the first one's index.</param>
/// <param name="Presence">Which anchors have what they need; the others' losses are 0.</param>
/// <param name="HasInputs">Whether the function depends on tensors of its own that may require gradients.</param>
internal sealed record DirectionLoss(Func<PairSums, long, Tensor> PerAnchor, PairPresence Presence, bool HasInputs = false)
{
    /// <summary>The loss of all anchors, reduced.</summary>
    public Tensor Reduce(PairSums sums, nn.Reduction reduction)
    {
        if (Presence.Complete is not null)
        {
            // The sums of anchors that lack a pair may be -∞, and their derivatives NaN.
            var incomplete = Presence.Complete.logical_not();
            Tensor Defined(Tensor values) => values.masked_fill(incomplete, Scalars.Zero);
            sums = new PairSums(Defined(sums.LogKnown), Defined(sums.LogSampled), Defined(sums.PositiveLogits));
        }
        return PerAnchor(sums, 0).Reduce(Presence, reduction);
    }
}
