using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Positives and excluded pairs that lie on diagonals, each by its j - i, and perhaps a few excluded ones beside.</summary>
/// <param name="Positives">The diagonals of the positives.</param>
/// <param name="Excluded">The diagonals of excluded pairs.</param>
/// <param name="Others">Excluded pairs off the diagonals; null for none.</param>
internal sealed record DiagonalPattern(long[] Positives, long[] Excluded, PairList? Others)
{
    public DiagonalPattern Transpose()
        => new([.. Positives.Select(offset => -offset)], [.. Excluded.Select(offset => -offset)], Others?.Transpose());

    /// <summary>The pattern of a block, counted from the block's first pair.</summary>
    public DiagonalPattern Block(long firstAnchor, long anchors, long firstCandidate, long candidates)
    {
        var shift = firstAnchor - firstCandidate;
        return new DiagonalPattern(
            [.. Positives.Select(offset => offset + shift)],
            [.. Excluded.Select(offset => offset + shift)],
            Others?.Block(firstAnchor, anchors, firstCandidate, candidates));
    }

    /// <summary>Puts -∞ in the place of all pairs of a tile that are not negatives.</summary>
    public void Mask_(Tensor tile, PairBlock block)
    {
        foreach (var segment in DiagonalSegment.Of([.. Positives, .. Excluded], block))
            tile.diagonal(segment.Offset, 0, 1).fill_(Scalars.NegativeInfinity);
        Others?.Fill_(tile, block, double.NegativeInfinity);
    }

    /// <summary>Whether every anchor has a positive and a negative.</summary>
    public bool IsSinglePositive(PairBlock whole)
        => DiagonalSegment.Of(Positives, whole).Sum(segment => segment.Count) == whole.Anchors
            && whole.Candidates > 1 + Excluded.Length + (Others?.CountByAnchor(whole.Anchors).Max() ?? 0);

    /// <summary>How many pairs each anchor's sums have.</summary>
    public PairCounts Count(PairBlock whole, Tensor like)
    {
        var isSingle = IsSinglePositive(whole);
        var positive = isSingle ? ones(whole.Anchors, dtype: like.dtype, device: like.device) : On(Positives);
        if (isSingle && Others is null && DiagonalSegment.Of(Excluded, whole).Sum(segment => segment.Count) == whole.Anchors * Excluded.Length)
        {
            var negatives = whole.Candidates - 1 - Excluded.Length;
            using var number = negatives.ToScalar();
            return new PairCounts(positive, full_like(positive, number), positive) { NegativesOfEach = negatives };
        }
        var others = positive.neg().Plus(whole.Candidates);
        if (Excluded.Length > 0) others = others.sub(On(Excluded));
        if (Others is not null) others = others.sub(tensor(Others.CountByAnchor(whole.Anchors), dtype: like.dtype, device: like.device));
        return new PairCounts(positive, others, positive);

        Tensor On(long[] offsets)
        {
            var count = zeros(whole.Anchors, dtype: like.dtype, device: like.device);
            foreach (var segment in DiagonalSegment.Of(offsets, whole))
                count.narrow(0, segment.Row, segment.Count).add_(Scalars.One, Scalars.One);
            return count;
        }
    }
}

/// <summary>The part of a diagonal inside a tile: <see cref="Count"/> pairs from (Row, Column) on, both counted in the tile.</summary>
/// <param name="Offset">The diagonal, counted in the tile.</param>
/// <param name="Row">The first anchor on it.</param>
/// <param name="Column">The first candidate on it.</param>
/// <param name="Count">How many pairs.</param>
internal readonly record struct DiagonalSegment(long Offset, long Row, long Column, long Count)
{
    /// <summary>The segments of some diagonals, given in the coordinates of the whole, that meet a tile.</summary>
    public static IEnumerable<DiagonalSegment> Of(long[] offsets, PairBlock block)
    {
        foreach (var offset in offsets)
        {
            var inTile = offset + block.FirstAnchor - block.FirstCandidate;
            var (row, column) = (Math.Max(0, -inTile), Math.Max(0, inTile));
            var count = Math.Min(block.Anchors - row, block.Candidates - column);
            if (count > 0) yield return new DiagonalSegment(inTile, row, column, count);
        }
    }
}
