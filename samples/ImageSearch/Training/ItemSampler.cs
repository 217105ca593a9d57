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
    public (Tensor Pictures, long[][] Captions) Draw(long[] items, Device device) => Draw(items, items, device);

    /// <summary>Pictures (n, 3, S, S) and captions of a part of a batch, as they are in the whole batch.</summary>
    /// <param name="items">The batch, for which is drawn. No item twice.</param>
    /// <param name="part">Items of it, in the same order.</param>
    /// <param name="device">Where pictures go.</param>
    public (Tensor Pictures, long[][] Captions) Draw(long[] items, long[] part, Device device)
    {
        var drawn = items.Select(item =>
        {
            var pictures = _items[(int)item];
            var picture = pictures[_random.Next(pictures.Length)];
            return (Item: item, picture.Pixels, Caption: picture.Captions[_random.Next(picture.Captions.Length)]);
        }).ToArray();
        var shifts = drawn.Select(_ => (_random.Next(-_shift, _shift + 1), _random.Next(-_shift, _shift + 1))).ToArray();
        var wanted = part.ToHashSet();
        var seen = drawn.Zip(shifts).Where(entry => wanted.Contains(entry.First.Item)).ToArray();
        return (
            PixelBatch.Of([.. seen.Select(entry => entry.First.Pixels)], _side, device, i => seen[i].Second),
            [.. seen.Select(entry => entry.First.Caption)]);
    }
}
