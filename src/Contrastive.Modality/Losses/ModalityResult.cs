using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A loss and the named terms it is made of: what <see cref="ModalityLoss.Compute"/> returns and training loops log.</summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class ModalityResult : IDisposable
{
    /// <summary>A loss whose value is worked out another way than term by term.</summary>
    /// <param name="loss">What to call <c>backward()</c> on, a scalar.</param>
    /// <param name="terms">What to report of it.</param>
    /// <exception cref="ArgumentException">The loss or a term is no scalar, or two terms have one name.</exception>
    public ModalityResult(Tensor loss, IEnumerable<ModalityTerm> terms)
    {
        ArgumentNullException.ThrowIfNull(terms);
        CheckScalar(loss, nameof(loss));
        Loss = loss;
        Terms = [.. terms.Select(term => term.Reported())];
        if (Terms.GroupBy(term => term.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"two terms are named '{twice.Key}'", nameof(terms));
    }

    /// <summary>The weighted sum of some terms. A term of weight 0 is left out.</summary>
    /// <param name="terms">At least one of another weight.</param>
    /// <exception cref="ArgumentException">A term is no scalar, two have one name, or there is none of a weight other than 0.</exception>
    public static ModalityResult Sum(params IEnumerable<ModalityTerm> terms)
    {
        ArgumentNullException.ThrowIfNull(terms);
        ModalityTerm[] parts = [.. terms.Where(term => term.Weight != 0)];
        if (parts.Length == 0) throw new ArgumentException("there is no term of a weight other than 0", nameof(terms));
        foreach (var term in parts) term.Check();
        using var scope = NewDisposeScope();
        var loss = parts.Select(term => (term.Loss ?? term.Value).Times(term.Weight)).Aggregate((total, part) => total.Plus(part));
        return new ModalityResult(loss, parts).MoveToOuterDisposeScope();
    }

    /// <summary>What to call <c>backward()</c> on, a scalar.</summary>
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

    /// <summary>Hands the tensors to the dispose scope around the innermost one, as a tensor's own method does.</summary>
    /// <returns>This result.</returns>
    public ModalityResult MoveToOuterDisposeScope()
    {
        Loss.MoveToOuterDisposeScope();
        foreach (var term in Terms) term.Value.MoveToOuterDisposeScope();
        return this;
    }

    internal static void CheckScalar(Tensor value, string name)
    {
        Guard.Floating(value, name);
        if (value.dim() != 0) throw new ArgumentException($"{name} must be a scalar but has the shape {Guard.Shape(value)}", name);
    }
}

/// <summary>One named part of a loss.</summary>
/// <param name="Name">The name to log it by, such as <c>consistency.cross_modal</c>.</param>
/// <param name="Weight">The weight it has in the total.</param>
/// <param name="Value">Its value before the weight, a scalar; in a result without a graph.</param>
public sealed record ModalityTerm(string Name, double Weight, Tensor Value)
{
    /// <summary>
    /// What stands in the total where that is not the value to log, a scalar with its graph, as of the gamma-augmented loss; null
    /// otherwise, and in a result.
    /// </summary>
    public Tensor? Loss { get; init; }

    /// <summary>
    /// The anchors of a contrast that were skipped for want of a negative (<see cref="MissingPairs.Skip"/>), both directions
    /// together; 0 for terms that are no contrast.
    /// </summary>
    public long SkippedAnchors { get; init; }

    /// <summary>A contrast as a term: its objective is logged, its loss is differentiated.</summary>
    /// <param name="name">The name to log it by.</param>
    /// <param name="weight">The weight it has in the total.</param>
    /// <param name="contrast">A reduced contrastive loss.</param>
    public static ModalityTerm Of(string name, double weight, ContrastiveResult contrast)
    {
        ArgumentNullException.ThrowIfNull(contrast);
        return new ModalityTerm(name, weight, contrast.Objective) { Loss = contrast.Loss, SkippedAnchors = contrast.SkippedAnchors };
    }

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Name);
        if (!double.IsFinite(Weight)) throw new ArgumentException($"the weight of the term '{Name}' must be finite but is {Weight}");
        ModalityResult.CheckScalar(Value, $"the term '{Name}'");
        if (Loss is not null) ModalityResult.CheckScalar(Loss, $"the loss of the term '{Name}'");
    }

    /// <summary>As a result has it: without a graph, in a tensor of its own.</summary>
    internal ModalityTerm Reported()
    {
        Check();
        return this with { Value = Value.detach(), Loss = null };
    }
}
