using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Of pairs on diagonals.</summary>
internal sealed record DiagonalGradient : SumGradient
{
    /// <param name="origin">The first anchor.</param>
    /// <param name="sums">The sums and the derivatives by them.</param>
    /// <param name="exponents">How tiles hold exponentials, if they do.</param>
    public DiagonalGradient(long origin, SumLeaves sums, Exponents? exponents)
        : base(origin)
    {
        LogSampled = Finite(sums.Sums.LogSampled.detach());
        Sampled = sums.Sampled.unsqueeze(1);
        if (exponents is not null) Sampled = Sampled.mul(LogSampled.neg().Plus(exponents.Shift).exp());
        Positive = sums.Known.Plus(sums.Positive);
    }

    /// <summary>log Σ_sampled.</summary>
    public Tensor LogSampled { get; }

    /// <summary>∂L/∂ log Σ_sampled; where tiles hold exponentials, ∂L/∂ Σ of those.</summary>
    public Tensor Sampled { get; }

    /// <summary>∂L/∂s, (n), of an anchor's positive, which is its whole known sum.</summary>
    public Tensor Positive { get; }
}
