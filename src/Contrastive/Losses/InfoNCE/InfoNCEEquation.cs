using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// InfoNCE of each anchor, (n), from the sums over its positives and its negatives (van den Oord et al. 2018, equation 4;
/// with several positives Khosla et al. 2020, equations 2 and 3).
/// </summary>
internal static class InfoNCEEquation
{
    /// <summary>One positive p an anchor: -s_ip + log( exp(s_ip) + Σ_negatives exp(s_ij) ).</summary>
    public static Tensor SinglePositive(Tensor positiveLogits, Tensor logNegatives)
        => positiveLogits.logaddexp(logNegatives).sub(positiveLogits);

    /// <summary>k positives: outside the logarithm -1/k Σ_p s_ip + log Σ_all, inside it -log( 1/k Σ_p exp(s_ip) ) + log Σ_all.</summary>
    /// <param name="sums">The sums over positives and negatives.</param>
    /// <param name="positiveCount">k, (n).</param>
    /// <param name="positiveSum">Where the sum over the positives stands.</param>
    public static Tensor SeveralPositives(PairSums sums, Tensor positiveCount, PositiveSum positiveSum)
    {
        var count = positiveCount.clamp_min(Scalars.One);
        var all = sums.LogKnown.logaddexp(sums.LogSampled);
        return positiveSum == PositiveSum.InsideLog
            ? all.sub(sums.LogKnown).Plus(count.log())
            : all.sub(sums.PositiveLogits.div(count));
    }
}
