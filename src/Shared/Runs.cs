namespace Contrastive.Numerics;

/// <summary>Consecutive runs of rows, so that no table of all pairs is ever held.</summary>
internal static class Runs
{
    /// <summary><paramref name="total"/> rows, <paramref name="size"/> at a time; the last run may be shorter.</summary>
    public static IEnumerable<(long First, long Count)> Of(long total, long size)
    {
        for (long first = 0; first < total; first += size) yield return (first, Math.Min(size, total - first));
    }
}
