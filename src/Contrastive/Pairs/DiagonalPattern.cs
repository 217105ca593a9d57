using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Positives and excluded pairs that lie on diagonals, each by its j - i.</summary>
internal sealed record DiagonalPattern(long[] Positives, long[] Excluded)
{
    public DiagonalPattern Transpose() => new([.. Positives.Select(offset => -offset)], [.. Excluded.Select(offset => -offset)]);

    /// <summary>Whether every anchor has a positive and a negative.</summary>
    public bool IsSinglePositive(PairBlock whole)
        => DiagonalSegment.Of(Positives, whole).Sum(segment => segment.Count) == whole.Anchors
            && whole.Candidates > 1 + Excluded.Length;

    /// <summary>How many pairs each anchor's sums have.</summary>
    public PairCounts Count(PairBlock whole, Tensor like)
    {
        var positive = IsSinglePositive(whole) ? ones(whole.Anchors, dtype: like.dtype, device: like.device) : On(Positives);
        var others = positive.neg().Plus(whole.Candidates);
        if (Excluded.Length > 0) others = others.sub(On(Excluded));
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
