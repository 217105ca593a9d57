using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Sums as the leaves of a graph of their own: a loss is a function of them, and after its backward pass they know the
/// derivatives.
/// </summary>
internal sealed class SumLeaves
{
    public SumLeaves(PairSums sums)
        => Sums = new PairSums(Leaf(sums.LogKnown), Leaf(sums.LogSampled), Leaf(sums.PositiveLogits));

    public PairSums Sums { get; }

    public Tensor[] All => [Sums.LogKnown, Sums.LogSampled, Sums.PositiveLogits];

    /// <summary>∂L/∂ log Σ_known, (n).</summary>
    public Tensor Known => Derivative(Sums.LogKnown);

    /// <summary>∂L/∂ log Σ_sampled, (n).</summary>
    public Tensor Sampled => Derivative(Sums.LogSampled);

    /// <summary>∂L/∂ Σ_positive s, (n).</summary>
    public Tensor Positive => Derivative(Sums.PositiveLogits);

    /// <summary>The sum of both, where one pair is the whole known sum and the only positive.</summary>
    public Tensor KnownAndPositive
        => Sums.LogKnown.grad is { } known && Sums.PositiveLogits.grad is { } positive ? known.Plus(positive)
            : Sums.LogKnown.grad ?? Positive;

    private static Tensor Leaf(Tensor values) => values.detach().requires_grad_();

    private static Tensor Derivative(Tensor leaf) => leaf.grad ?? zeros_like(leaf);
}
