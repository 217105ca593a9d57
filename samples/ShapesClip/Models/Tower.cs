using Contrastive.Modality;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>An encoder and its heads: features (N, D) shared with the other modality and, where asked for, independent ones.</summary>
public sealed class Tower : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> encoder;
    private readonly ProjectionHead shared;
    private readonly ProjectionHead? independent;

    /// <param name="encoder">Gives encodings (N, <paramref name="encoding"/>).</param>
    /// <param name="encoding">The width of the encodings.</param>
    /// <param name="features">D.</param>
    /// <param name="random">Draws the weights.</param>
    /// <param name="independentRandom">Draws those of the independent head, if there is to be one: the others are the same without.</param>
    internal Tower(nn.Module<Tensor, Tensor> encoder, int encoding, int features, Generator random, Generator? independentRandom)
        : base(nameof(Tower))
    {
        this.encoder = encoder;
        shared = new ProjectionHead(encoding, features);
        SeededWeights.Draw(encoder, random);
        SeededWeights.Draw(shared, random);
        if (independentRandom is not null)
        {
            independent = new ProjectionHead(encoding, features);
            SeededWeights.Draw(independent, independentRandom);
        }

        RegisterComponents();
    }

    /// <summary>The shared features.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return shared.forward(encoder.forward(input)).MoveToOuterDisposeScope();
    }

    /// <summary>Every feature that the structures can use, of items and, if given, of their augmentations.</summary>
    public ModalityFeatures Features(Tensor input, Tensor? augmented = null)
    {
        // Both at once: a step of a small tower is mostly the calls.
        var encoded = encoder.forward(augmented is null ? input : cat([input, augmented], 0));
        var (s, sa) = Halves(shared.forward(encoded));
        var (i, ia) = independent is null ? (null, null) : Halves(independent.forward(encoded));
        return new ModalityFeatures(s!, sa, i, ia);

        (Tensor?, Tensor?) Halves(Tensor features)
        {
            var n = input.shape[0];
            return augmented is null ? (features, null) : (features.narrow(0, 0, n), features.narrow(0, n, n));
        }
    }
}
