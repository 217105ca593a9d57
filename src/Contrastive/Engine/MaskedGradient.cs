using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Of pairs told apart by masks.</summary>
internal sealed record MaskedGradient : SumGradient
{
    /// <param name="origin">The first anchor.</param>
    /// <param name="sums">The sums and the derivatives by them.</param>
    public MaskedGradient(long origin, SumLeaves sums)
        : base(origin)
    {
        LogKnown = Finite(sums.Sums.LogKnown.detach());
        LogSampled = Finite(sums.Sums.LogSampled.detach());
        Known = sums.Known.unsqueeze(1);
        Sampled = sums.Sampled.unsqueeze(1);
        Positive = sums.Positive.unsqueeze(1);
    }

    public Tensor LogKnown { get; }

    public Tensor LogSampled { get; }

    /// <summary>∂L/∂ log Σ_known.</summary>
    public Tensor Known { get; }

    /// <summary>∂L/∂ log Σ_sampled.</summary>
    public Tensor Sampled { get; }

    /// <summary>∂L/∂ Σ_positive s.</summary>
    public Tensor Positive { get; }
}
