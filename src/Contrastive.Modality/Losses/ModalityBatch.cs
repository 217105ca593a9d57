using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>The features of a step as losses are given them, checked, and their unit rows, which all losses of the step share.</summary>
public sealed class ModalityBatch
{
    private readonly Dictionary<Tensor, Tensor> _unit = new(ReferenceEqualityComparer.Instance);
    private readonly DisposeScope _scope;
    private readonly bool _hasGraph = is_grad_enabled();

    /// <param name="first">V.</param>
    /// <param name="second">T.</param>
    /// <param name="sampleIds">Which sample each row is, or null.</param>
    /// <param name="scope">That of the step: unit rows live as long.</param>
    /// <param name="wantsTerms">Whether anybody looks at the terms, or at the total alone.</param>
    internal ModalityBatch(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds, DisposeScope scope, bool wantsTerms)
        => (First, Second, SampleIds, _scope, WantsTerms) = (first, second, sampleIds, scope, wantsTerms);

    /// <summary>The features of the first modality, V, as given.</summary>
    public ModalityFeatures First { get; }

    /// <summary>The features of the second modality, T, as given.</summary>
    public ModalityFeatures Second { get; }

    /// <summary>(N) integers, the index of the sample that row i is, if given.</summary>
    public Tensor? SampleIds { get; }

    /// <summary>Whether anybody looks at the terms: of <see cref="ModalityLoss.forward(ModalityFeatures, ModalityFeatures)"/> the total is all that is left.</summary>
    internal bool WantsTerms { get; }

    /// <summary>
    /// Rows divided by their length, with their graph; half precision is widened to float32. They are worked out once a step,
    /// whichever losses ask. A zero row stays zero and takes no gradient.
    /// </summary>
    /// <param name="features">(N, D): one of the tensors of <see cref="First"/> or <see cref="Second"/>.</param>
    /// <returns>(N, D). It is freed with the step: do not dispose it.</returns>
    public Tensor Unit(Tensor features)
    {
        Guard.Features(features);
        if (_unit.TryGetValue(features, out var known)) return known;
        using var inner = NewDisposeScope();
        using var mode = set_grad_enabled(_hasGraph);
        return _unit[features] = UnitRows.Of(features).MoveToOtherDisposeScope(_scope);
    }
}
