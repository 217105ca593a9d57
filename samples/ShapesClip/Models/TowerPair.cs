using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The sizes of a pair of towers and the words the text tower knows; enough to build them again.</summary>
public sealed record TowerSizes(int Side, int ImageWidth, int TextWidth, int TextDepth, int Encoding, int Features, bool Independent, IReadOnlyList<string> Vocabulary);

/// <summary>The image tower and the text tower.</summary>
public sealed class TowerPair : nn.Module
{
    private static readonly Scalar Whole = 255.0.ToScalar();

    private readonly Tower image;
    private readonly Tower text;

    /// <param name="independentRandom">Draws those of the independent heads.</param>
    public TowerPair(TowerSizes sizes, Generator random, Generator independentRandom)
        : base(nameof(TowerPair))
    {
        Sizes = sizes;
        Tokenizer = new CaptionTokenizer(sizes.Vocabulary);
        var independent = sizes.Independent ? independentRandom : null;
        image = new Tower(new ImageTower(sizes.Side, sizes.ImageWidth, sizes.Encoding), sizes.Encoding, sizes.Features, random, independent);
        text = new Tower(
            new TextTower(sizes.Vocabulary.Count, Tokenizer.Padding, CaptionTokenizer.LongestText, sizes.TextWidth, sizes.TextDepth, sizes.Encoding),
            sizes.Encoding,
            sizes.Features,
            random,
            independent);
        RegisterComponents();
    }

    public TowerSizes Sizes { get; }

    public CaptionTokenizer Tokenizer { get; }

    public Tower Image => image;

    public Tower Text => text;

    /// <summary>Pictures as bytes (N, 3, S, S) as the image tower takes them.</summary>
    public static Tensor Prepare(Tensor images)
    {
        using var scope = NewDisposeScope();
        return images.to(ScalarType.Float32).div_(Whole).MoveToOuterDisposeScope();
    }
}

/// <summary>An encoder and its heads: features (N, D) shared with the other modality and, where asked for, independent ones.</summary>
public sealed class Tower : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> encoder;
    private readonly ProjectionHead shared;
    private readonly ProjectionHead? independent;

    /// <param name="encoder">Gives encodings (N, <paramref name="encoding"/>).</param>
    /// <param name="features">D.</param>
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
