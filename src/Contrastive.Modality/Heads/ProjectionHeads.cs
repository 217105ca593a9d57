using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// A head from an encoder's output to the space of a loss: linear, or with one hidden layer (linear, ReLU, linear), as in
/// SimCLR.
/// </summary>
public sealed class ProjectionHead : nn.Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    /// <summary>Creates the head.</summary>
    /// <param name="inputs">The width of the encoder's output. Range: ≥ 1.</param>
    /// <param name="outputs">D, the width of the features. Range: ≥ 1.</param>
    /// <param name="hidden">The width of the hidden layer; null for a linear head. Range: ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width is out of range.</exception>
    public ProjectionHead(long inputs, long outputs, long? hidden = null)
        : base(nameof(ProjectionHead))
    {
        Guard.AtLeast(inputs, 1);
        Guard.AtLeast(outputs, 1);
        if (hidden is { } given) Guard.AtLeast(given, 1, nameof(hidden));
        layers = hidden is { } width
            ? nn.Sequential(("input", nn.Linear(inputs, width)), ("activation", nn.ReLU()), ("output", nn.Linear(width, outputs)))
            : nn.Sequential(("output", nn.Linear(inputs, outputs)));
        register_module(nameof(layers), layers);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>Two heads on one encoder: the features that are shared with the other modality, and the independent ones.</summary>
public sealed class SeparatedHeads : nn.Module<Tensor, (Tensor Shared, Tensor Independent)>
{
    private readonly ProjectionHead shared;
    private readonly ProjectionHead independent;

    /// <summary>Creates the heads.</summary>
    /// <param name="inputs">The width of the encoder's output. Range: ≥ 1.</param>
    /// <param name="outputs">D, the width of both kinds of features. Range: ≥ 1.</param>
    /// <param name="hidden">The width of each head's hidden layer; null for linear heads. Range: ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width is out of range.</exception>
    public SeparatedHeads(long inputs, long outputs, long? hidden = null)
        : base(nameof(SeparatedHeads))
    {
        shared = new ProjectionHead(inputs, outputs, hidden);
        independent = new ProjectionHead(inputs, outputs, hidden);
        register_module(nameof(shared), shared);
        register_module(nameof(independent), independent);
    }

    /// <inheritdoc/>
    public override (Tensor Shared, Tensor Independent) forward(Tensor input) => (shared.forward(input), independent.forward(input));

    /// <summary>The features of items and, if given, of their augmentations, ready for the losses.</summary>
    /// <param name="encoded">(N, inputs): the encoder's output.</param>
    /// <param name="encodedAugmented">(N, inputs): its output for augmentations of the same items.</param>
    public ModalityFeatures Features(Tensor encoded, Tensor? encodedAugmented = null)
    {
        var (s, i) = forward(encoded);
        if (encodedAugmented is null) return new ModalityFeatures(s, Independent: i);
        var (sa, ia) = forward(encodedAugmented);
        return new ModalityFeatures(s, sa, i, ia);
    }
}
