namespace Contrastive.Samples.AlignFeatures.Data;

/// <summary>Maps labels to class ids, counted from zero in sorted order.</summary>
internal static class LabelIds
{
    public static ClassLabels Of<T>(string source, IReadOnlyList<T> labels, IComparer<T> order)
        where T : notnull
    {
        var ids = labels.Distinct().Order(order).Index().ToDictionary(entry => entry.Item, entry => (long)entry.Index);
        return new ClassLabels(source, [.. labels.Select(label => ids[label])], ids.Count);
    }
}
