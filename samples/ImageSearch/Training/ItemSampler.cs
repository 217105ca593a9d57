using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>Two views of some items: pictures (B, 3, S, S) and captions.</summary>
internal sealed record ViewPair(Tensor Pictures, long[][] Captions, Tensor OtherPictures, long[][] OtherCaptions);

/// <summary>
/// What is seen of an item at a visit: one of its pictures, moved a little, and one of that picture's captions. Pictures are not mirrored:
/// an arrow would point the other way.
/// </summary>
internal sealed class ItemSampler
{
    private readonly int _side;
    private readonly int _shift;
    private readonly Random _random;
    private readonly IReadOnlyList<Item> _items;

    /// <param name="collection">All pictures.</param>
    /// <param name="items">The pictures of each item to train on.</param>
    /// <param name="hash">Reads captions.</param>
    /// <param name="shift">How far a picture moves at most, in pixels.</param>
    /// <param name="random">Draws.</param>
    public ItemSampler(PictureCollection collection, IReadOnlyList<int[]> items, CaptionHash hash, int shift, Random random)
    {
        (_side, _shift, _random) = (collection.Side, shift, random);
        _items = [.. items.Select(pictures => Item.Of([.. pictures.Select(picture => collection.Pictures[picture])], hash))];
    }

    /// <param name="Pictures">Its pixels, and which of the item's captions are its own.</param>
    /// <param name="Captions">Of all its pictures, each once.</param>
    private sealed record Item((byte[] Pixels, int[] Captions)[] Pictures, long[][] Captions)
    {
        public static Item Of(Picture[] pictures, CaptionHash hash)
        {
            string[] all = [.. pictures.SelectMany(picture => picture.Captions).Distinct()];
            return new Item(
                [.. pictures.Select(picture => (picture.Pixels, picture.Captions.Select(caption => Array.IndexOf(all, caption)).ToArray()))],
                [.. all.Select(hash.Numbers)]);
        }
    }

    /// <summary>Pictures (B, 3, S, S) and captions of some items.</summary>
    public (Tensor Pictures, long[][] Captions) Draw(long[] items, Device device) => Draw(items, items, device);

    /// <summary>Pictures (n, 3, S, S) and captions of a part of a batch, as they are in the whole batch.</summary>
    /// <param name="items">The batch, for which is drawn. No item twice.</param>
    /// <param name="part">Items of it, in the same order.</param>
    /// <param name="device">Where pictures go.</param>
    public (Tensor Pictures, long[][] Captions) Draw(long[] items, long[] part, Device device) => See(Visit(items), part, device);

    /// <summary>
    /// As <see cref="Draw(long[], Device)"/> has it, and another view of each: another picture of the item or, where there is none, the same one moved; another
    /// caption of the item or, where there is none, the same.
    /// </summary>
    /// <param name="items">Which.</param>
    /// <param name="other">Draws the other views, so that the first ones are those of a run without.</param>
    /// <param name="shift">How far a picture that is its own other view moves at most, in pixels.</param>
    /// <param name="device">Where they go.</param>
    public ViewPair DrawPair(long[] items, Random other, int shift, Device device)
    {
        var visits = Visit(items);
        var (pictures, captions) = See(visits, items, device);
        var (pixels, otherCaptions) = (new byte[items.Length][], new long[items.Length][]);
        var moves = new (int X, int Y)[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            var item = _items[(int)items[i]];
            pixels[i] = item.Pictures[Another(visits[i].Picture, item.Pictures.Length)].Pixels;
            otherCaptions[i] = item.Captions[Another(visits[i].Caption, item.Captions.Length)];
            if (item.Pictures.Length == 1)
                moves[i] = (other.Next(-shift, shift + 1), other.Next(-shift, shift + 1));
        }

        return new ViewPair(pictures, captions, PixelBatch.Of(pixels, _side, device, i => moves[i]), otherCaptions);

        int Another(int one, int count) => count == 1 ? one : (one + other.Next(1, count)) % count;
    }

    /// <summary>What is seen of an item: which of its pictures, moved how far, and which of its captions.</summary>
    private sealed record Visited(long Item, int Picture, int Caption, (int X, int Y) Shift = default);

    private Visited[] Visit(long[] items)
    {
        var visits = items.Select(item =>
        {
            var pictures = _items[(int)item].Pictures;
            var picture = _random.Next(pictures.Length);
            var captions = pictures[picture].Captions;
            return new Visited(item, picture, captions[_random.Next(captions.Length)]);
        }).ToArray();
        // Drawn after all pictures and captions: the order decides every figure.
        return [.. visits.Select(visit => visit with { Shift = (_random.Next(-_shift, _shift + 1), _random.Next(-_shift, _shift + 1)) })];
    }

    private (Tensor Pictures, long[][] Captions) See(Visited[] visits, long[] part, Device device)
    {
        var wanted = part.ToHashSet();
        Visited[] seen = [.. visits.Where(visit => wanted.Contains(visit.Item))];
        return (
            PixelBatch.Of([.. seen.Select(visit => _items[(int)visit.Item].Pictures[visit.Picture].Pixels)], _side, device, i => seen[i].Shift),
            [.. seen.Select(visit => _items[(int)visit.Item].Captions[visit.Caption])]);
    }
}
