using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The sums of some anchors (or candidates) as tiles bring them, (n).</summary>
internal abstract class SumAccumulator
{
    /// <summary>Adds to log Σ_sampled exp(s) of the anchors from <paramref name="first"/> on.</summary>
    public abstract void AddSampled(long first, Tensor log);

    /// <summary>Adds to log Σ_known exp(s).</summary>
    public abstract void AddKnown(long first, Tensor log);

    /// <summary>Adds to Σ_positive s.</summary>
    public abstract void AddPositive(long first, Tensor logits);

    /// <summary>The sums of what has come.</summary>
    public abstract PairSums ToSums();
}
