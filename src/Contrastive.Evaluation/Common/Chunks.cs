namespace Contrastive.Evaluation;

/// <summary>How many rows are worked on at once.</summary>
internal static class Chunks
{
    /// <summary>As asked for, or as many as keep a tile within <paramref name="elements"/> numbers.</summary>
    public static long Size(long? requested, long columns, long elements)
        => requested ?? Math.Max(1, elements / Math.Max(1, columns));
}
