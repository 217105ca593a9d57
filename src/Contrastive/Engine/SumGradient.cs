using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What the derivatives of a loss by the sums of some anchors say of the pairs behind them:
/// ∂L/∂s_ij = ∂L/∂log Σ_i · exp(s_ij - log Σ_i). Columns (n, 1), so that they go with the rows of a tile; their transposes go
/// with its columns. Each form of pairs makes its own kind.
/// </summary>
/// <param name="Origin">The first anchor.</param>
internal abstract record SumGradient(long Origin)
{
    /// <summary>The part of one of the columns that belongs to a run of anchors.</summary>
    public Tensor Part(Tensor values, long first, long count)
        => count == values.shape[0] ? values : values.narrow(0, first - Origin, count);

    /// <summary>An empty sum has nothing to differentiate: any finite number does, and keeps NaN away.</summary>
    protected static Tensor Finite(Tensor log) => log.masked_fill(log.isneginf(), Scalars.Zero).unsqueeze(1);
}
