using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// InfoNCE of each anchor, (N), from logits s_ij (N, M) (van den Oord et al. 2018, equation 4; with several positives
/// Khosla et al. 2020, equations 2 and 3).
/// </summary>
internal static class InfoNCEEquation
{
    /// <summary>One positive an anchor, nothing excluded: -s_ip + log Σ_j exp(s_ij), the positive among the j.</summary>
    public static Tensor SinglePositive(Tensor logits, Tensor positiveLogits)
        => logits.logsumexp(1).sub(positiveLogits);

    /// <summary>Any positives and negatives. Anchors that lack either give a finite number of no meaning.</summary>
    public static Tensor Masked(Tensor logits, PairTile tile, Tensor positiveCount, PositiveSum positiveSum)
    {
        var count = positiveCount.to(logits.dtype).clamp_min(Scalars.One);
        var all = MaskedLogSumExp(logits, tile.Positive.logical_or(tile.Negative));
        if (positiveSum == PositiveSum.InsideLog)
            return all.sub(MaskedLogSumExp(logits, tile.Positive)).Plus(count.log());

        var positive = logits.masked_fill(tile.Positive.logical_not(), Scalars.Zero).sum(dim: 1).div(count);
        return all.sub(positive);
    }

    /// <summary>A row without any candidate gives 0 and no gradient, not -∞ and NaN.</summary>
    private static Tensor MaskedLogSumExp(Tensor logits, Tensor mask)
    {
        var empty = mask.any(1, keepdim: true).logical_not();
        return logits.masked_fill(mask.logical_not(), Scalars.NegativeInfinity).masked_fill(empty, Scalars.Zero).logsumexp(1);
    }
}
