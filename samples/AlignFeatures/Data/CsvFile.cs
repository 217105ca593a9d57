using System.Globalization;
using CsvHelper;

namespace Contrastive.Samples.AlignFeatures.Data;

/// <summary>
/// Features and labels from a <c>.csv</c> file: commas, points for decimals, UTF-8, with or without a header line. Blank
/// lines are passed over.
/// </summary>
internal static class CsvFile
{
    public static FeatureMatrix ReadFeatures(string path, Stream stream)
    {
        var values = new List<float>();
        int rows = 0, columns = 0;
        foreach (var (line, cells) in Records(path, stream))
        {
            if (columns == 0)
            {
                columns = cells.Length;
                // A header is a first line without a single number.
                if (!cells.Any(cell => TryNumber(cell, out _)))
                    continue;
            }

            if (cells.Length != columns)
                throw new UserError($"{path}: line {line} has {cells.Length} cells but the first line has {columns}");
            for (var c = 0; c < columns; c++)
            {
                if (!TryNumber(cells[c], out var number))
                    throw new UserError($"{path}: line {line}, column {c + 1}: '{Short(cells[c])}' is not a number");
                if (!float.IsFinite((float)number))
                    throw new UserError($"{path}: line {line}, column {c + 1}: '{Short(cells[c])}' is not a finite float32 number");
                values.Add((float)number);
            }

            rows++;
        }

        if (rows == 0)
            throw new UserError($"{path}: has no rows of numbers");
        return new FeatureMatrix(path, rows, columns, [.. values]);
    }

    public static ClassLabels ReadLabels(string path, Stream stream)
    {
        var labels = new List<string>();
        foreach (var (line, cells) in Records(path, stream))
        {
            if (cells.Length != 1)
                throw new UserError($"{path}: line {line} has {cells.Length} cells, but labels are one column");
            labels.Add(cells[0].Trim());
        }

        // Labels may be words, so a header is only sure where the rest are integers, or where it says so.
        if (labels.Count > 0 && (IsTitle(labels[0]) || (labels.Count > 1 && !IsInteger(labels[0]) && labels.Skip(1).All(IsInteger))))
            labels.RemoveAt(0);
        if (labels.Count == 0)
            throw new UserError($"{path}: has no labels");
        return labels.All(IsInteger)
            ? LabelIds.Of(path, [.. labels.Select(label => long.Parse(label, CultureInfo.InvariantCulture))], Comparer<long>.Default)
            : LabelIds.Of(path, labels, StringComparer.Ordinal);
    }

    private static IEnumerable<(long Line, string[] Cells)> Records(string path, Stream stream)
    {
        using var reader = CsvReader.Create(stream, new CsvReaderOptions
        {
            Separator = ',',
            HasHeader = false,
            MalformedData = CsvMalformedDataHandling.Throw,
            TrackLineNumbers = true,
        });
        while (Next())
        {
            var cells = reader.Current.ToArray();
            // What is not UTF-8 reads as the replacement character.
            if (cells.Any(cell => cell.Contains('\uFFFD', StringComparison.Ordinal)))
                throw new UserError($"{path}: line {reader.LineNumber} is not UTF-8 text");
            yield return (reader.LineNumber, cells);
        }

        bool Next()
        {
            try
            {
                return reader.Read();
            }
            catch (CsvFormatException problem)
            {
                throw new UserError($"{path}: line {problem.LineNumber} is not well-formed CSV: {problem.Message}", problem);
            }
        }
    }

    private static string Short(string cell) => cell.Length <= 40 ? cell : cell[..40] + "…";

    private static bool TryNumber(string cell, out double number)
        => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out number);

    private static bool IsInteger(string label) => long.TryParse(label, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static bool IsTitle(string label) => label.ToUpperInvariant() is "LABEL" or "LABELS" or "CLASS";
}
