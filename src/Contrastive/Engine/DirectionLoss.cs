using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The loss of one direction as a function of the sums.</summary>
/// <param name="PerAnchor">
/// The losses, (n), of a run of n anchors, from their sums, the first one's index and their part of <paramref name="Input"/>.
/// </param>
/// <param name="Presence">Which anchors have what they need; the others' losses are 0.</param>
/// <param name="Input">(N), what else the function depends on that may require a gradient; null where nothing does.</param>
internal sealed record DirectionLoss(Func<PairSums, long, Tensor?, Tensor> PerAnchor, PairPresence Presence, Tensor? Input = null)
{
    /// <summary>The losses of a run of anchors.</summary>
    /// <param name="sums">Their sums.</param>
    /// <param name="first">The first one.</param>
    public Tensor Of(PairSums sums, long first)
        => PerAnchor(sums, first, Input?.narrow(0, first, sums.LogSampled.shape[0]));

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
        return Of(sums, 0).Reduce(Presence, reduction);
    }
}
