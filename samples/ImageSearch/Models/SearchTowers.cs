using Contrastive.Numerics;
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
/// <remarks>
/// Nothing in them lets all features move together: pictures are centred, the activation is odd, there are no offsets, and the wide layer
/// moves no faster than a narrow one. With a memory that matters. Remembered rows stay behind when all features drift; the batch is
/// pushed away from them, drifts faster, and the features of each tower gather at one point that runs from its own past.
/// (Rectified towers with offsets ended at chance that way.)
/// </remarks>
internal sealed class SearchTowers : nn.Module
{
    // Patches of 8 pixels, every 4.
    private const int Patch = 8;
    private const int Stride = 4;

    // Of the rows of words and triples of letters: one step of Adam is to be a small share of it.
    private const double RowDeviation = 0.1;

    // A caption has some forty rows, whose mean is small, and an icon little ink: these make both of the order of one.
    private static readonly Scalar WordScale = 60.0.ToScalar();
    private static readonly Scalar PatchScale = 2.0.ToScalar();

    // Adam changes all weights of a layer alike: of a layer with more inputs than this the output would move as many times faster.
    private const double ReferenceInputs = 128;

    private const int Chunk = 500;

    private readonly Tensor mean_picture;
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
        mean_picture = zeros(3, sizes.Side, sizes.Side).DetachFromDisposeScope();
        register_buffer(nameof(mean_picture), mean_picture);
        patches = nn.Conv2d(3, sizes.Hidden, Patch, stride: Stride, padding: Stride / 2, bias: false);
        var across = (sizes.Side + Stride - Patch) / Stride + 1;
        image_output = nn.Linear(sizes.Hidden * across * across, sizes.Features, hasBias: false);
        words = nn.EmbeddingBag(sizes.Buckets, sizes.Hidden, mode: EmbeddingBagMode.Mean);
        text_output = nn.Linear(sizes.Hidden, sizes.Features, hasBias: false);
        RegisterComponents();
        SeededWeights.Draw(this, random);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        words.weight!.normal_(0, RowDeviation, random);
        image_output.weight!.copy_(image_output.weight.Times(1 / OutputShare));
    }

    public TowerSizes Sizes { get; }

    public CaptionHash Hash { get; }

    private double OutputShare => Math.Min(1, ReferenceInputs / image_output.weight!.shape[1]);

    /// <summary>Takes the mean of the pictures to train on, from which all others are told by what differs.</summary>
    public void Centre(IEnumerable<byte[]> pictures)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var sum = zeros_like(mean_picture);
        var count = 0;
        foreach (var some in pictures.Chunk(Chunk))
        {
            using var chunk = NewDisposeScope();
            sum.add_(PixelBatch.Of(some, Sizes.Side, mean_picture.device).sum(dim: 0), Scalars.One);
            count += some.Length;
        }

        mean_picture.copy_(sum.Times(1.0 / count));
    }

    /// <summary>Of pictures (N, 3, S, S), 0 where they are white and 1 where they are black: (N, D).</summary>
    public Tensor Images(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var seen = patches.forward(pictures - mean_picture).mul(PatchScale).tanh_().flatten(1);
        return image_output.forward(seen.Times(OutputShare)).MoveToOuterDisposeScope();
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
