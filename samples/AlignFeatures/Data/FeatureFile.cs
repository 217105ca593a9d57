namespace Contrastive.Samples.AlignFeatures;

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
public sealed record ClassLabels(string Source, long[] Ids, int Classes)
{
    internal static ClassLabels Of<T>(string source, IReadOnlyList<T> labels, IComparer<T> order)
        where T : notnull
    {
        var ids = labels.Distinct().Order(order).Index().ToDictionary(entry => entry.Item, entry => (long)entry.Index);
        return new ClassLabels(source, [.. labels.Select(label => ids[label])], ids.Count);
    }
}

/// <summary>Reads features and labels from <c>.npy</c> and <c>.csv</c> files, chosen by the name's ending.</summary>
public static class FeatureFile
{
    /// <exception cref="UserError">The file cannot be used; the message names it and says why.</exception>
    public static FeatureMatrix ReadFeatures(string path)
    {
        var matrix = Reading(path, NpyFile.ReadFeatures, CsvFile.ReadFeatures);
        return matrix.IsConstant
            ? throw new UserError($"{path}: all {matrix.Rows} rows are the same: they tell no item from another")
            : matrix;
    }

    /// <param name="items">How many labels there should be, where that is known; it tells a header that might be a label.</param>
    /// <exception cref="UserError">The file cannot be used; the message names it and says why.</exception>
    public static ClassLabels ReadLabels(string path, int? items = null)
        => Reading(path, NpyFile.ReadLabels, (name, stream) => CsvFile.ReadLabels(name, stream, items));

    private static T Reading<T>(string path, Func<string, Stream, T> npy, Func<string, Stream, T> csv)
    {
        var read = Path.GetExtension(path) switch
        {
            var ending when ending.Equals(".npy", StringComparison.OrdinalIgnoreCase) => npy,
            var ending when ending.Equals(".csv", StringComparison.OrdinalIgnoreCase) => csv,
            var other => throw new UserError($"{path}: files of the type '{other}' are not supported, only .npy and .csv"),
        };
        if (Directory.Exists(path))
            throw new UserError($"{path}: is a folder, not a file");
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
            if (stream.Length == 0)
                throw new UserError($"{path}: the file is empty");
            return read(path, stream);
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError($"{path}: no such file", problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read: {problem.Message}", problem);
        }
    }
}
