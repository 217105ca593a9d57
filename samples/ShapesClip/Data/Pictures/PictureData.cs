using Contrastive.Samples.ShapesClip.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Data.Pictures;

/// <summary>
/// The user's pictures in three sets, by picture: all captions of one are in the same set. Each visit of a training picture
/// draws one of its captions, so a batch never has a picture twice and no two captions of it are negatives of each other.
/// </summary>
internal sealed class PictureData : ITrainingPairs, IDisposable
{
    /// <summary>Retrieval among fewer says nothing.</summary>
    private const int FewestHeldOut = 2;

    private PictureData(CaptionTokenizer tokenizer, int side, PictureSet train, PictureSet validation, PictureSet test)
    {
        (Tokenizer, Side, Train, Validation, Test) = (tokenizer, side, train, validation, test);
    }

    public CaptionTokenizer Tokenizer { get; }

    public int Side { get; }

    public PictureSet Train { get; }

    /// <summary>For the curves.</summary>
    public PictureSet Validation { get; }

    public PictureSet Test { get; }

    public long Items => Train.Pictures;

    public bool HasSynonyms => false;

    /// <summary>How many of <paramref name="pictures"/> are for testing; as many again are for validation.</summary>
    public static int HeldOut(int pictures, double share) => Math.Max(FewestHeldOut, (int)Math.Round(share * pictures));

    /// <exception cref="UserError">There are too few pictures for three sets.</exception>
    public static int TrainItems(int pictures, double share) => pictures - 2 * HeldOut(pictures, share) is >= 2 and var left
        ? left
        : throw new UserError($"--image-dir: {pictures} usable pictures are too few: with --test-share {share} {HeldOut(pictures, share)} are for testing, as many for validation, and at least 2 must be left");

    /// <param name="collection">The pictures, which the sets go on using.</param>
    /// <param name="share">Of the pictures that are for testing.</param>
    /// <param name="seed">The same seed, the same sets.</param>
    public static PictureData Split(PictureCollection collection, double share, long seed)
    {
        int[] order = [.. Enumerable.Range(0, collection.Files.Count)];
        new Random((int)seed).Shuffle(order);
        var heldOut = HeldOut(order.Length, share);
        int[] test = order[..heldOut], validation = order[heldOut..(2 * heldOut)], train = order[(2 * heldOut)..];
        var tokenizer = CaptionTokenizer.Of(train.SelectMany(row => collection.Files[row].Captions));
        return new PictureData(tokenizer, collection.Side, Set(train), Set(validation), Set(test));

        PictureSet Set(int[] rows) => new(collection.Images, rows, [.. rows.Select(row => collection.Files[row].Captions)], tokenizer);
    }

    public (Tensor Images, Tensor Tokens) Take(Tensor items, Generator random) => (Train.Images(items), Train.DrawCaptions(items, random));

    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
    }
}
