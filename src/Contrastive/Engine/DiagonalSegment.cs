namespace Contrastive;

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
