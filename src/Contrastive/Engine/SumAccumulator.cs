using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The sums of some anchors (or candidates) as tiles bring them, (n).</summary>
/// <param name="exponents">How tiles hold exponentials, if they do: then sampled sums come as they are, not as logarithms.</param>
internal abstract class SumAccumulator(Exponents? exponents)
{
    /// <summary>Whether a sum may have lost terms to underflow. Waits for the device.</summary>
    public bool Underflows => exponents is { Lowest: > 0 } && Sampled.min().to(ScalarType.Float64).item<double>() < exponents.Lowest;

    protected bool OfExponentials => exponents is not null;

    protected abstract Tensor Known { get; }

    protected abstract Tensor Sampled { get; }

    protected abstract Tensor Positive { get; }

    /// <summary>Adds to log Σ_known exp(s) of the anchors from <paramref name="first"/> on.</summary>
    public abstract void AddKnown(long first, Tensor log);

    /// <summary>Adds to Σ_sampled exp(s).</summary>
    /// <param name="first">The first anchor.</param>
    /// <param name="sums">Logarithms of sums; or sums, where tiles hold exponentials.</param>
    public abstract void AddSampled(long first, Tensor sums);

    /// <summary>Adds to Σ_positive s.</summary>
    public abstract void AddPositive(long first, Tensor logits);

    /// <summary>The sums of what has come.</summary>
    public PairSums ToSums() => new(Known, exponents is null ? Sampled : exponents.Logarithm(Sampled), Positive);
}
