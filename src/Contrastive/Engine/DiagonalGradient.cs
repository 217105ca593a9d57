using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Of pairs on diagonals.</summary>
internal sealed record DiagonalGradient : SumGradient
{
    /// <param name="origin">The first anchor.</param>
    /// <param name="sums">The sums and the derivatives by them.</param>
    /// <param name="exponents">How tiles hold exponentials, if they do.</param>
    /// <param name="noneEmpty">Whether no sum is empty.</param>
    public DiagonalGradient(long origin, SumLeaves sums, Exponents? exponents, bool noneEmpty)
        : base(origin)
    {
        LogSampled = noneEmpty ? sums.Sums.LogSampled.detach().unsqueeze(1) : Finite(sums.Sums.LogSampled.detach());
        Sampled = sums.Sampled.unsqueeze(1);
        if (exponents is not null) Sampled = Sampled.mul(exponents.Reciprocal(LogSampled));
        Positive = sums.KnownAndPositive;
    }

    /// <summary>log Σ_sampled.</summary>
    public Tensor LogSampled { get; }

    /// <summary>∂L/∂ log Σ_sampled; where tiles hold exponentials, ∂L/∂ Σ of those.</summary>
    public Tensor Sampled { get; }

    /// <summary>∂L/∂s, (n), of an anchor's positive, which is its whole known sum.</summary>
    public Tensor Positive { get; }
}
