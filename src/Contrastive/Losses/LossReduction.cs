using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>From one value per anchor to the value of a batch.</summary>
internal static class LossReduction
{
    /// <summary>Anchors that lack a pair are 0 and do not count in the mean; the mean of no anchor is 0.</summary>
    public static Tensor Reduce(this Tensor perAnchor, PairPresence presence, nn.Reduction reduction)
    {
        if (presence.Incomplete is { } incomplete) perAnchor = perAnchor.masked_fill(incomplete, Scalars.Zero);
        return reduction switch
        {
            nn.Reduction.None => perAnchor,
            nn.Reduction.Sum => perAnchor.SumAll(),
            _ => perAnchor.SumAll().Times(1.0 / Math.Max(1, perAnchor.shape[0] - presence.Missing)),
        };
    }

    public static Tensor MeanOfDirections(Tensor forward, Tensor backward) => forward.Plus(backward).mul(Scalars.Half);
}
