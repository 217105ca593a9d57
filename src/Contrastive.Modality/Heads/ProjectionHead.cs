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
