using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// A loss's own input as a leaf of the graph that is differentiated at once, as <see cref="SumLeaves"/> are for the sums. What it
/// has to say goes the way of the features' gradients, so that no graph gets past them.
/// </summary>
internal sealed class InputLeaf
{
    private InputLeaf(Tensor input) => (Input, Leaf) = (input, input.detach().requires_grad_());

    /// <summary>Null where nothing is to be differentiated.</summary>
    public static InputLeaf? Of(DirectionLoss? loss) => loss?.Input is { requires_grad: true } input ? new InputLeaf(input) : null;

    /// <summary>As given.</summary>
    public Tensor Input { get; }

    public Tensor Leaf { get; }

    /// <summary>⟨input, ∂L/∂input⟩, (), with a graph to the input alone; null where the loss did not depend on it.</summary>
    public Tensor? Along() => Leaf.grad is { } gradient ? Input.dot(gradient) : null;
}
