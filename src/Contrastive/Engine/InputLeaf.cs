using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// A loss's own input as a leaf of the graph that is differentiated at once, as <see cref="SumLeaves"/> are for the sums. What it
/// has to say goes the way of the features' gradients, so that no graph gets past them.
/// </summary>
internal sealed class InputLeaf
{
    private InputLeaf(Tensor input) => (Input, Leaf) = (input, input.detach().requires_grad_());

    /// <summary>The loss with a leaf in its input's place; the loss itself, and null, where nothing is to be differentiated.</summary>
    public static (DirectionLoss Loss, InputLeaf? Leaf) In(DirectionLoss loss)
    {
        if (loss.Input is not { requires_grad: true } input) return (loss, null);
        var leaf = new InputLeaf(input);
        return (loss with { Input = leaf.Leaf }, leaf);
    }

    /// <summary>As given.</summary>
    public Tensor Input { get; }

    public Tensor Leaf { get; }

    /// <summary>⟨input, ∂L/∂input⟩, (), with a graph to the input alone.</summary>
    public Tensor Along() => Input.dot(Leaf.grad!);
}
