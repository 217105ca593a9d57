using Contrastive.Modality;
using Contrastive.Numerics;
using Contrastive.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>The sizes of a pair of towers; enough to build them again.</summary>
/// <param name="Side">Pixels a side of a picture.</param>
/// <param name="Buckets">How many numbers words and triples of letters have: <see cref="CaptionHash"/>.</param>
/// <param name="Channels">Of the first convolution of the image tower; the second has twice as many.</param>
/// <param name="Features">D, the width of the features.</param>
/// <param name="Independent">Whether each tower has a second head, for features of its own.</param>
internal sealed record TowerSizes(int Side, int Buckets, int Channels, int Features, bool Independent = false);

/// <summary>
/// Pictures: two convolutions that each halve the sides, then a linear layer. Captions: the mean of the rows that words and triples of
/// letters have, and nothing behind it. Small on purpose: what is compared is losses, and a run takes about a minute on a core.
/// </summary>
/// <remarks>No offsets, and centred pictures: nothing that is the same for all inputs can move all features together.</remarks>
internal sealed class SearchTowers : nn.Module
{
    // A convolution's kernel, stride and padding: half as many places a side.
    private const int Kernel = 4;
    private const int Stride = 2;
    private const int Padding = 1;

    // Of the rows of words and triples of letters. Adam moves each entry by about the step size, whatever it was drawn with: rows that are
    // drawn large stay what they were drawn as, which says nothing of the words.
    private const double RowDeviation = 0.02;

    private const int Chunk = 500;

    private readonly Tensor mean_picture;
    private readonly Conv2d fine;
    private readonly Conv2d coarse;
    private readonly Linear image_output;
    private readonly EmbeddingBag words;
    private readonly Linear? image_independent;
    private readonly Linear? text_independent;

    /// <param name="sizes">What to build.</param>
    /// <param name="random">Draws the weights.</param>
    public SearchTowers(TowerSizes sizes, Generator random)
        : base(nameof(SearchTowers))
    {
        Sizes = sizes;
        Hash = new CaptionHash(sizes.Buckets);
        mean_picture = zeros(3, sizes.Side, sizes.Side).DetachFromDisposeScope();
        register_buffer(nameof(mean_picture), mean_picture);
        fine = nn.Conv2d(3, sizes.Channels, Kernel, stride: Stride, padding: Padding, bias: false);
        coarse = nn.Conv2d(sizes.Channels, 2 * sizes.Channels, Kernel, stride: Stride, padding: Padding, bias: false);
        var across = sizes.Side / (Stride * Stride);
        image_output = nn.Linear(2 * sizes.Channels * across * across, sizes.Features, hasBias: false);
        words = nn.EmbeddingBag(sizes.Buckets, sizes.Features, mode: EmbeddingBagMode.Mean);
        RegisterComponents();
        SeededWeights.Draw(this, random);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        words.weight!.normal_(0, RowDeviation, random);
        if (!sizes.Independent)
            return;
        // Drawn last: the weights of the others are the same without.
        image_independent = nn.Linear(2 * sizes.Channels * across * across, sizes.Features, hasBias: false);
        text_independent = nn.Linear(sizes.Features, sizes.Features, hasBias: false);
        SeededWeights.Draw(image_independent, random);
        SeededWeights.Draw(text_independent, random);
        register_module(nameof(image_independent), image_independent);
        register_module(nameof(text_independent), text_independent);
    }

    public TowerSizes Sizes { get; }

    public CaptionHash Hash { get; }

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
        return image_output.forward(Seen(pictures)).MoveToOuterDisposeScope();
    }

    /// <summary>Every feature that a structure can use, of pictures and of other views of the same items; the caller has a dispose scope.</summary>
    public ModalityFeatures ImageFeatures(Tensor pictures, Tensor others)
    {
        var seen = Seen(cat([pictures, others], 0));
        return Views(image_output.forward(seen), image_independent?.forward(seen));
    }

    /// <summary>The same of captions.</summary>
    public ModalityFeatures TextFeatures(IReadOnlyList<long[]> captions, IReadOnlyList<long[]> others, Device device)
    {
        var said = Texts([.. captions, .. others], device);
        return Views(said, text_independent?.forward(said));
    }

    /// <summary>Of captions as numbers: (N, D).</summary>
    public Tensor Texts(IReadOnlyList<long[]> captions, Device device)
    {
        using var scope = NewDisposeScope();
        var (numbers, starts) = CaptionHash.Join(captions, device);
        return words.forward(numbers, starts, null).MoveToOuterDisposeScope();
    }

    /// <summary>Unit features of many pictures, without a graph: (N, D).</summary>
    public Tensor UnitImages(IReadOnlyList<byte[]> pictures, Device device)
        => Unit(pictures, some => Images(PixelBatch.Of(some, Sizes.Side, device)));

    /// <summary>Unit features of many captions, without a graph: (N, D).</summary>
    public Tensor UnitTexts(IReadOnlyList<string> captions, Device device)
        => Unit(captions, some => Texts([.. some.Select(Hash.Numbers)], device));

    /// <summary>Unit features of many pictures that only their tower has, without a graph: (N, D); null where it has none.</summary>
    public Tensor? UnitIndependentImages(IReadOnlyList<byte[]> pictures, Device device)
        => image_independent is null ? null : Unit(pictures, some => image_independent.forward(Seen(PixelBatch.Of(some, Sizes.Side, device))));

    private Tensor Seen(Tensor pictures) => coarse.forward(fine.forward(pictures - mean_picture).relu_()).relu_().flatten(1);

    private static ModalityFeatures Views(Tensor features, Tensor? independent)
    {
        var half = features.shape[0] / 2;
        return new ModalityFeatures(
            features.narrow(0, 0, half), features.narrow(0, half, half), independent?.narrow(0, 0, half), independent?.narrow(0, half, half));
    }

    private static Tensor Unit<T>(IReadOnlyList<T> input, Func<T[], Tensor> features)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var all = cat([.. input.Chunk(Chunk).Select(features)], 0);
        return nn.functional.normalize(FiniteGuard.Check(all, "the features"), dim: 1).MoveToOuterDisposeScope();
    }
}
