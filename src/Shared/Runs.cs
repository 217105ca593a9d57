namespace Contrastive.Numerics;

/// <summary>Consecutive runs of rows, so that no table of all pairs is ever held.</summary>
internal static class Runs
{
    /// <summary>Runs of rows have about this many numbers, so that several steps find them in the cache.</summary>
    public const long CachedElements = 1 << 16;

    /// <summary>Runs of rows that stay in the cache.</summary>
    /// <param name="total">How many rows.</param>
    /// <param name="width">The numbers of a row.</param>
    public static IEnumerable<(long First, long Count)> OfRows(long total, long width) => Of(total, Math.Max(1, CachedElements / width));

    /// <summary><paramref name="total"/> rows, <paramref name="size"/> at a time; the last run may be shorter.</summary>
    public static IEnumerable<(long First, long Count)> Of(long total, long size)
    {
        for (long first = 0; first < total; first += size) yield return (first, Math.Min(size, total - first));
    }
}
