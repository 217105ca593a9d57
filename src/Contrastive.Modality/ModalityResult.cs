using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A loss and what it is made of.</summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class ModalityResult : IDisposable
{
    internal ModalityResult(Tensor loss, IReadOnlyList<ModalityTerm> terms)
    {
        Loss = loss;
        Terms = terms;
    }

    /// <summary>What to call <c>backward()</c> on: the weighted sum of the terms, a scalar.</summary>
    public Tensor Loss { get; }

    /// <summary>The terms, each before its weight, without a graph.</summary>
    public IReadOnlyList<ModalityTerm> Terms { get; }

    /// <summary>The anchors skipped for want of a negative, all terms together; see <see cref="ModalityTerm.SkippedAnchors"/>.</summary>
    public long SkippedAnchors => Terms.Sum(term => term.SkippedAnchors);

    /// <summary>The value of a term.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="KeyNotFoundException">There is no such term; the message lists those there are.</exception>
    public Tensor this[string name] => Terms.FirstOrDefault(term => term.Name == name)?.Value
        ?? throw new KeyNotFoundException($"there is no term '{name}' among {string.Join(", ", Terms.Select(term => term.Name))}");

    /// <inheritdoc/>
    public void Dispose()
    {
        Loss.Dispose();
        foreach (var term in Terms) term.Value.Dispose();
    }

    internal ModalityResult MoveToOuterDisposeScope()
    {
        Loss.MoveToOuterDisposeScope();
        foreach (var term in Terms) term.Value.MoveToOuterDisposeScope();
        return this;
    }
}
