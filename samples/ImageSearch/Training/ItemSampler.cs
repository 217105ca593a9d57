using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>
/// What is seen of an item at a visit: one of its pictures, moved a little, and one of that picture's captions. Pictures are not mirrored:
/// an arrow would point the other way.
/// </summary>
internal sealed class ItemSampler
{
    private readonly int _side;
    private readonly int _shift;
    private readonly Random _random;
    private readonly IReadOnlyList<(byte[] Pixels, long[][] Captions)[]> _items;

    /// <param name="collection">All pictures.</param>
    /// <param name="items">The pictures of each item to train on.</param>
    /// <param name="hash">Reads captions.</param>
    /// <param name="shift">How far a picture moves at most, in pixels.</param>
    /// <param name="random">Draws.</param>
    public ItemSampler(PictureCollection collection, IReadOnlyList<int[]> items, CaptionHash hash, int shift, Random random)
    {
        (_side, _shift, _random) = (collection.Side, shift, random);
        _items = [.. items.Select(pictures => pictures.Select(picture => collection.Pictures[picture])
            .Select(picture => (picture.Pixels, picture.Captions.Select(hash.Numbers).ToArray())).ToArray())];
    }

    /// <summary>Pictures (B, 3, S, S) and captions of some items.</summary>
    public (Tensor Pictures, long[][] Captions) Draw(ReadOnlySpan<long> items, Device device)
    {
        var (pixels, captions) = (new byte[items.Length][], new long[items.Length][]);
        for (var i = 0; i < items.Length; i++)
        {
            var pictures = _items[(int)items[i]];
            var picture = pictures[_random.Next(pictures.Length)];
            (pixels[i], captions[i]) = (picture.Pixels, picture.Captions[_random.Next(picture.Captions.Length)]);
        }

        return (PixelBatch.Of(pixels, _side, device, _ => (_random.Next(-_shift, _shift + 1), _random.Next(-_shift, _shift + 1))), captions);
    }
}
