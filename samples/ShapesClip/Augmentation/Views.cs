using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.ShapesClip;

/// <summary>What one training step sees: pairs, and augmentations of them where the structure asks for those.</summary>
internal sealed record Views(Tensor Images, Tensor? AugmentedImages, Tensor Tokens, Tensor? AugmentedTokens);

/// <summary>
/// Makes a step's views. Every pair is mirrored half of the time and said in other words: the view that all runs train on.
/// The augmentation of that view is cropped and jittered, its caption swapped and shortened.
/// </summary>
internal sealed class ViewMaker(PairFlip flip, CaptionAugmentation rewording, PictureAugmentation pictures, CaptionAugmentation captions)
{
    /// <param name="images">(N, 3, S, S) in [0, 1].</param>
    /// <param name="tokens">(N, L).</param>
    public Views Make(Tensor images, Tensor tokens, bool augment)
    {
        var (picture, caption) = flip.Apply(images, tokens);
        caption = rewording.Synonyms(caption);
        return augment
            ? new Views(picture, pictures.Apply(picture), caption, captions.Apply(caption))
            : new Views(picture, null, caption, null);
    }
}

/// <summary>Mirrors half of the pairs: the picture, and left and right in its caption, so that the caption stays true.</summary>
internal sealed class PairFlip(WordTables words, Generator random)
{
    /// <param name="images">(N, C, S, S).</param>
    /// <param name="tokens">(N, L).</param>
    public (Tensor Images, Tensor Tokens) Apply(Tensor images, Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var flipped = rand([images.shape[0]], device: images.device, generator: random).lt(Scalars.Half);
        return (
            where(flipped.view(-1, 1, 1, 1), images.flip(3), images).MoveToOuterDisposeScope(),
            where(flipped.view(-1, 1), words.Mirror[tokens], tokens).MoveToOuterDisposeScope());
    }
}

/// <summary>
/// A random crop, stretched to the whole, and a colour jitter. Both are small enough to leave every shared attribute's class
/// as it is: a shape stays in its third of the picture, and its size and colour keep their names.
/// </summary>
/// <param name="smallestCrop">The least share of a side that is kept; each side's is drawn on its own.</param>
/// <param name="jitter">The largest change of brightness and contrast; each colour channel changes by half of it.</param>
internal sealed class PictureAugmentation(double smallestCrop, double jitter, Generator random)
{
    /// <summary>(N, 3, S, S) in [0, 1] to the same.</summary>
    public Tensor Apply(Tensor images)
    {
        using var scope = NewDisposeScope();
        return Jitter(Crop(images)).MoveToOuterDisposeScope();
    }

    private Tensor Crop(Tensor images)
    {
        // Each axis samples scale · x + shift for x in [-1, 1], within the picture.
        var n = images.shape[0];
        var scale = Uniform(images, smallestCrop, 1, n, 2);
        var shift = Uniform(images, -1, 1, n, 2) * scale.neg().Plus(1);
        var theta = cat([diag_embed(scale), shift.unsqueeze(2)], 2);
        return F.grid_sample(images, F.affine_grid(theta, images.shape, align_corners: false), mode: GridSampleMode.Bilinear, padding_mode: GridSamplePaddingMode.Border, align_corners: false);
    }

    private Tensor Jitter(Tensor images)
    {
        var n = images.shape[0];
        var gain = Uniform(images, 1 - jitter, 1 + jitter, n, 1, 1, 1) * Uniform(images, 1 - jitter / 2, 1 + jitter / 2, n, 3, 1, 1);
        var contrast = Uniform(images, 1 - jitter, 1 + jitter, n, 1, 1, 1);
        var mean = images.mean([1L, 2, 3], keepdim: true);
        return ((images - mean) * contrast).Plus(mean).mul(gain).clamp_(Scalars.Zero, Scalars.One);
    }

    private Tensor Uniform(Tensor like, double low, double high, params long[] shape)
        => rand(shape, like.dtype, like.device, generator: random).Times(high - low).Plus(low);
}
