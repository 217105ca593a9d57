namespace Contrastive.Evaluation;

/// <summary>The items that are drawn together: clusters, or each item alone.</summary>
internal static class ItemGroups
{
    /// <summary>The items of each cluster, at least two clusters, in ascending order of their numbers.</summary>
    public static int[][] Of(int items, IReadOnlyList<long>? clusters)
    {
        if (clusters is null)
            return [.. Enumerable.Range(0, items).Select(item => (int[])[item])];
        if (clusters.Count != items)
            throw new ArgumentException($"clusters has {clusters.Count} values for {items} items", nameof(clusters));
        int[][] groups = [.. Enumerable.Range(0, items)
            .GroupBy(item => clusters[item])
            .OrderBy(group => group.Key)
            .Select(group => group.ToArray())];
        return groups.Length > 1
            ? groups
            : throw new ArgumentException(
                $"clusters must be at least 2 but all {items} items are in {clusters[0]}", nameof(clusters));
    }
}
