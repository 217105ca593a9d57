namespace Contrastive.Evaluation;

/// <summary>Consecutive pieces of the rows, so that no table of all pairs is ever held.</summary>
internal static class Chunks
{
    /// <summary>The rows at once: as asked for, or as many as keep a tile within <paramref name="elements"/> numbers.</summary>
    public static long Size(long? requested, long columns, long elements)
        => requested ?? Math.Max(1, elements / Math.Max(1, columns));

    public static IEnumerable<(long Start, long Length)> Of(long rows, long size)
    {
        for (long start = 0; start < rows; start += size)
            yield return (start, Math.Min(size, rows - start));
    }
}
