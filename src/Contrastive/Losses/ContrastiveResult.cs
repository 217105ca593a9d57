using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What a contrastive loss says of a batch.</summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class ContrastiveResult : IDisposable
{
    internal ContrastiveResult(Tensor loss, Tensor objective, long skippedAnchors)
    {
        Loss = loss;
        Objective = objective;
        SkippedAnchors = skippedAnchors;
    }

    /// <summary>Of a loss whose objective is its own value: a copy, so that nothing done to one is done to the other.</summary>
    internal static ContrastiveResult OfValue(Tensor loss, long skippedAnchors) => new(loss, loss.detach().clone(), skippedAnchors);

    /// <summary>What to call <c>backward()</c> on: a scalar, or one value per anchor where the reduction is none.</summary>
    public Tensor Loss { get; }

    /// <summary>
    /// What the loss stands for, without a graph, reduced like it: the curve to watch. InfoNCE's is its own value. The
    /// gamma-augmented loss hovers around a constant whatever the features do; its objective is -s_ii + log Ẑ_i.
    /// </summary>
    public Tensor Objective { get; }

    /// <summary>The anchors skipped for want of a positive or a negative, both directions together.</summary>
    public long SkippedAnchors { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Loss.Dispose();
        Objective.Dispose();
    }

    /// <summary>The same numbers without a graph, in tensors of their own.</summary>
    public ContrastiveResult Detach() => new(Loss.detach().clone(), Objective.detach().clone(), SkippedAnchors);

    /// <summary>Hands the tensors to the dispose scope around the innermost one, as a tensor's own method does.</summary>
    /// <returns>This result.</returns>
    public ContrastiveResult MoveToOuterDisposeScope()
    {
        Loss.MoveToOuterDisposeScope();
        Objective.MoveToOuterDisposeScope();
        return this;
    }
}
