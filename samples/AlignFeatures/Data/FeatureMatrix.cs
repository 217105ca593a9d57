namespace Contrastive.Samples.AlignFeatures.Data;

/// <summary>Features as read: one row per item, row after row. Every value is finite.</summary>
/// <param name="Source">The file, for messages and the summary.</param>
/// <param name="Rows">At least one.</param>
/// <param name="Columns">At least one.</param>
/// <param name="Values">Rows · Columns numbers.</param>
public sealed record FeatureMatrix(string Source, int Rows, int Columns, float[] Values)
{
    /// <summary>Whether all rows, of several, are the same.</summary>
    public bool IsConstant => Rows > 1 && Values.AsSpan(Columns).SequenceEqual(Values.AsSpan(0, Values.Length - Columns));
}

/// <summary>One class id for each item, counted from zero in the sorted order of the labels.</summary>
public sealed record ClassLabels(string Source, long[] Ids, int Classes);
