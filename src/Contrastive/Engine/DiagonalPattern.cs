namespace Contrastive;

/// <summary>
/// Positives and excluded pairs that lie on a few diagonals: pair (i, j) is on diagonal j - i. All other pairs are negatives.
/// So no masks are needed. An anchor has at most one positive, which is known, and so has a candidate.
/// </summary>
internal sealed record DiagonalPattern(long[] Positives, long[] Excluded)
{
    public DiagonalPattern Transpose() => new([.. Positives.Select(offset => -offset)], [.. Excluded.Select(offset => -offset)]);
}
