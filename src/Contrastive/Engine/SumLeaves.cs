using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Sums as the leaves of a graph of their own, so that autograd says how a loss depends on them.</summary>
internal sealed class SumLeaves
{
    public SumLeaves(PairSums sums)
        => Sums = new PairSums(Leaf(sums.LogKnown), Leaf(sums.LogSampled), Leaf(sums.PositiveLogits));

    public PairSums Sums { get; }

    public Tensor[] All => [Sums.LogKnown, Sums.LogSampled, Sums.PositiveLogits];

    /// <summary>What a backward pass has left in them.</summary>
    /// <param name="origin">The anchor that the first sum is of.</param>
    public SumGradient Gradient(long origin) => new(
        origin, Sums.Detach(), Derivative(Sums.LogKnown), Derivative(Sums.LogSampled), Derivative(Sums.PositiveLogits));

    private static Tensor Leaf(Tensor values) => values.detach().requires_grad_();

    private static Tensor Derivative(Tensor leaf) => leaf.grad ?? zeros_like(leaf);
}
