using Contrastive.Numerics;
using Contrastive.Samples.ShapesClip.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Data.Pictures;

/// <summary>Some pictures of a collection, n of them, and all m of their captions, picture by picture.</summary>
internal sealed class PictureSet : IDisposable
{
    private readonly Tensor _collection;
    private readonly Tensor _first;
    private readonly Tensor _counts;

    /// <param name="collection">(P, 3, S, S) bytes; not owned.</param>
    /// <param name="rows">Which of them.</param>
    /// <param name="captions">Those of each.</param>
    /// <param name="tokenizer">Reads the captions.</param>
    public PictureSet(Tensor collection, IReadOnlyList<int> rows, IReadOnlyList<IReadOnlyList<string>> captions, CaptionTokenizer tokenizer)
    {
        var device = collection.device;
        _collection = collection;
        long[] counts = [.. captions.Select(said => (long)said.Count)];
        var first = new long[counts.Length];
        for (var i = 1; i < first.Length; i++)
            first[i] = first[i - 1] + counts[i - 1];
        Rows = tensor([.. rows.Select(row => (long)row)], device: device).DetachFromDisposeScope();
        _first = tensor(first, device: device).DetachFromDisposeScope();
        _counts = tensor(counts, device: device).DetachFromDisposeScope();
        Tokens = tokenizer.Encode([.. captions.SelectMany(said => said)], device).DetachFromDisposeScope();
        PictureOfCaption = tensor([.. counts.Index().SelectMany(count => Enumerable.Repeat((long)count.Index, (int)count.Item))], device: device)
            .DetachFromDisposeScope();
    }

    public long Pictures => Rows.shape[0];

    public long Captions => Tokens.shape[0];

    /// <summary>(n): which pictures of the collection.</summary>
    public Tensor Rows { get; }

    /// <summary>(m, L) token ids.</summary>
    public Tensor Tokens { get; }

    /// <summary>(m): which of the n pictures a caption belongs to.</summary>
    public Tensor PictureOfCaption { get; }

    /// <summary>Bytes of the pictures numbered <paramref name="items"/> among the n.</summary>
    public Tensor Images(Tensor items)
    {
        using var rows = Rows.index_select(0, items);
        return _collection.index_select(0, rows);
    }

    /// <summary>(B, L): a caption drawn for each of the pictures numbered <paramref name="items"/>.</summary>
    public Tensor DrawCaptions(Tensor items, Generator random)
    {
        using var scope = NewDisposeScope();
        var counts = _counts.index_select(0, items);
        var place = rand(items.shape, ScalarType.Float64, items.device, generator: random).mul(counts).to(ScalarType.Int64);
        var chosen = _first.index_select(0, items).add(place, Scalars.OneIndex);
        return Tokens.index_select(0, chosen).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        Rows.Dispose();
        _first.Dispose();
        _counts.Dispose();
        Tokens.Dispose();
        PictureOfCaption.Dispose();
    }
}
