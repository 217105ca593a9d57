using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What the derivatives of a loss by the sums of some anchors say of the pairs behind them:
/// ∂L/∂s_ij = ∂L/∂log Σ_i · exp(s_ij - log Σ_i). Columns (n, 1), so that they go with the rows of a tile; their transposes go
/// with its columns.
/// </summary>
internal sealed class SumGradient
{
    private readonly long origin;

    /// <param name="origin">The first anchor.</param>
    /// <param name="sums">The sums.</param>
    /// <param name="known">∂L/∂ log Σ_known, (n).</param>
    /// <param name="sampled">∂L/∂ log Σ_sampled, (n).</param>
    /// <param name="positive">∂L/∂ Σ_positive s, (n).</param>
    public SumGradient(long origin, PairSums sums, Tensor known, Tensor sampled, Tensor positive)
    {
        this.origin = origin;
        LogKnown = Finite(sums.LogKnown);
        LogSampled = Finite(sums.LogSampled);
        Known = known.unsqueeze(1);
        Sampled = sampled.unsqueeze(1);
        Positive = positive.unsqueeze(1);
        OfOnlyPositive = known.Plus(positive);
    }

    public Tensor LogKnown { get; }

    public Tensor LogSampled { get; }

    public Tensor Known { get; }

    public Tensor Sampled { get; }

    public Tensor Positive { get; }

    /// <summary>∂L/∂s, (n), of a positive that is its anchor's whole known sum.</summary>
    public Tensor OfOnlyPositive { get; }

    /// <summary>The part of one of these that belongs to a run of anchors.</summary>
    public Tensor Part(Tensor values, long first, long count) => values.narrow(0, first - origin, count);

    /// <summary>An empty sum has nothing to differentiate: any finite number does, and keeps NaN away.</summary>
    private static Tensor Finite(Tensor log) => log.masked_fill(log.isneginf(), Scalars.Zero).unsqueeze(1);
}
