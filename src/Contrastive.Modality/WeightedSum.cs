using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>Adds up terms and remembers them.</summary>
internal sealed class WeightedSum
{
    private readonly List<ModalityTerm> _terms = [];
    private Tensor? _total;

    /// <summary>Adds weight · value under a name.</summary>
    public void Add(string name, double weight, Tensor value)
    {
        Report(name, weight, value);
        AddTotal(weight, value);
    }

    /// <summary>Adds a contrast likewise; <paramref name="objective"/> is the value to log, if it is another.</summary>
    public void AddContrast(string name, double weight, (Tensor Loss, long SkippedAnchors) contrast, Tensor? objective = null)
    {
        _terms.Add(new ModalityTerm(name, weight, (objective ?? contrast.Loss).detach()) { SkippedAnchors = contrast.SkippedAnchors });
        AddTotal(weight, contrast.Loss);
    }

    /// <summary>Adds another result, its terms under a name of their own.</summary>
    public void Add(string name, double weight, ModalityResult result)
    {
        foreach (var term in result.Terms)
            _terms.Add(term with { Name = $"{name}.{term.Name}", Weight = weight * term.Weight });
        AddTotal(weight, result.Loss);
    }

    /// <summary>Lists a term whose part of the total is added otherwise.</summary>
    public void Report(string name, double weight, Tensor value) => _terms.Add(new ModalityTerm(name, weight, value.detach()));

    /// <summary>Adds weight · value without listing it.</summary>
    public void AddTotal(double weight, Tensor value)
    {
        var weighted = value.Times(weight);
        _total = _total is null ? weighted : _total.Plus(weighted);
    }

    /// <summary>The sum of at least one term.</summary>
    public ModalityResult ToResult() => new(_total!, [.. _terms]);
}
