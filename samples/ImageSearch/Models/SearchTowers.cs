using Contrastive.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>The sizes of a pair of towers; enough to build them again.</summary>
/// <param name="Side">Pixels a side of a picture.</param>
/// <param name="Buckets">How many numbers words and triples of letters have: <see cref="CaptionHash"/>.</param>
/// <param name="Hidden">The width between the two layers of the text tower, and the channels between those of the image tower.</param>
/// <param name="Features">D, the width of the features.</param>
internal sealed record TowerSizes(int Side, int Buckets, int Hidden, int Features);

/// <summary>
/// Two layers each. Pictures: a convolution over patches that overlap, then a linear layer. Captions: the mean of the rows that words and
/// triples of letters have, then a linear layer. Small on purpose: what is compared is losses, and a run takes about a minute on a core.
/// </summary>
internal sealed class SearchTowers : nn.Module
{
    // Patches of 8 pixels, every 4.
    private const int Patch = 8;
    private const int Stride = 4;

    // Of the rows of words and triples of letters: a caption has some forty of them, and their mean is to be of the order of one.
    private const double RowDeviation = 1;

    private const int Chunk = 500;

    private readonly Conv2d patches;
    private readonly Linear image_output;
    private readonly EmbeddingBag words;
    private readonly Linear text_output;

    /// <param name="sizes">What to build.</param>
    /// <param name="random">Draws the weights.</param>
    public SearchTowers(TowerSizes sizes, Generator random)
        : base(nameof(SearchTowers))
    {
        Sizes = sizes;
        Hash = new CaptionHash(sizes.Buckets);
        patches = nn.Conv2d(3, sizes.Hidden, Patch, stride: Stride, padding: Stride / 2);
        var across = (sizes.Side + Stride - Patch) / Stride + 1;
        image_output = nn.Linear(sizes.Hidden * across * across, sizes.Features);
        words = nn.EmbeddingBag(sizes.Buckets, sizes.Hidden, mode: EmbeddingBagMode.Mean);
        text_output = nn.Linear(sizes.Hidden, sizes.Features);
        RegisterComponents();
        SeededWeights.Draw(this, random);
        using var constant = no_grad();
        words.weight!.normal_(0, RowDeviation, random).Dispose();
    }

    public TowerSizes Sizes { get; }

    public CaptionHash Hash { get; }

    /// <summary>Of pictures (N, 3, S, S), 0 where they are white and 1 where they are black: (N, D).</summary>
    public Tensor Images(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        return image_output.forward(patches.forward(pictures).relu_().flatten(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Of captions as numbers: (N, D).</summary>
    public Tensor Texts(IReadOnlyList<long[]> captions, Device device)
    {
        using var scope = NewDisposeScope();
        var (numbers, starts) = CaptionHash.Join(captions, device);
        return text_output.forward(words.forward(numbers, starts, null).relu_()).MoveToOuterDisposeScope();
    }

    /// <summary>Unit features of many pictures, without a graph: (N, D).</summary>
    public Tensor UnitImages(IReadOnlyList<byte[]> pictures, Device device)
        => Unit(pictures, some => Images(PixelBatch.Of(some, Sizes.Side, device)));

    /// <summary>Unit features of many captions, without a graph: (N, D).</summary>
    public Tensor UnitTexts(IReadOnlyList<string> captions, Device device)
        => Unit(captions, some => Texts([.. some.Select(Hash.Numbers)], device));

    private static Tensor Unit<T>(IReadOnlyList<T> input, Func<T[], Tensor> features)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var all = cat([.. input.Chunk(Chunk).Select(features)], 0);
        return nn.functional.normalize(FiniteGuard.Check(all, "the features"), dim: 1).MoveToOuterDisposeScope();
    }
}
