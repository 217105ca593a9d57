using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Augmentation;

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
