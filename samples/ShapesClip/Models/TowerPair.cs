using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>The sizes of a pair of towers and the words the text tower knows; enough to build them again.</summary>
public sealed record TowerSizes(int Side, int ImageWidth, int TextWidth, int TextDepth, int Encoding, int Features, bool Independent, IReadOnlyList<string> Vocabulary);

/// <summary>The image tower and the text tower.</summary>
public sealed class TowerPair : nn.Module
{
    private static readonly Scalar Whole = 255.0.ToScalar();

    private readonly Tower image;
    private readonly Tower text;

    /// <param name="sizes">What to build.</param>
    /// <param name="random">Draws the weights.</param>
    /// <param name="independentRandom">Draws those of the independent heads.</param>
    public TowerPair(TowerSizes sizes, Generator random, Generator independentRandom)
        : base(nameof(TowerPair))
    {
        Sizes = sizes;
        Tokenizer = CaptionTokenizer.From(sizes.Vocabulary);
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
