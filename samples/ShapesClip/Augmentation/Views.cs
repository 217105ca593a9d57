using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Augmentation;

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
    /// <param name="augment">Whether augmentations are asked for.</param>
    public Views Make(Tensor images, Tensor tokens, bool augment)
    {
        var (picture, caption) = flip.Apply(images, tokens);
        caption = rewording.Synonyms(caption);
        return augment
            ? new Views(picture, pictures.Apply(picture), caption, captions.Apply(caption))
            : new Views(picture, null, caption, null);
    }
}
