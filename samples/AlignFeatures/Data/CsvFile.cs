using System.Globalization;
using CsvHelper;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>
/// Features and labels from a <c>.csv</c> file: cells between commas, semicolons, tabs or bars, whichever the first lines
/// have, points for decimals, UTF-8, with or without a header line. Blank lines are passed over.
/// </summary>
internal static class CsvFile
{
    private sealed record Line(long Number, string[] Cells, char Separator);

    public static FeatureMatrix ReadFeatures(string path, Stream stream)
    {
        var values = new List<float>();
        Line? first = null;
        var fractions = false;
        foreach (var line in Lines(path, stream))
        {
            if (first is null)
            {
                first = line;
                CheckIndex(path, line);
                if (IsHeader(line.Cells))
                    continue;
            }

            if (line.Cells.Length != first.Cells.Length)
                throw new UserError($"{path}: line {line.Number} has {line.Cells.Length} cells but the first line has {first.Cells.Length}");
            for (var c = 0; c < line.Cells.Length; c++)
                values.Add(Number(path, line, c));
            fractions |= line is { Cells: [var only] } && !ReferenceEquals(line, first) && !IsInteger(only.Trim());
        }

        if (first is null)
            throw new UserError($"{path}: has no rows of numbers");
        var columns = first.Cells.Length;
        if (columns == 1 && fractions && IsCount(first.Cells))
            values.RemoveAt(0);
        return values.Count > 0
            ? new FeatureMatrix(path, values.Count / columns, columns, [.. values])
            : throw new UserError($"{path}: has no rows of numbers");
    }

    /// <param name="items">How many labels there should be, where that is known.</param>
    public static ClassLabels ReadLabels(string path, Stream stream, int? items)
    {
        var labels = new List<string>();
        foreach (var (line, cells, separator) in Lines(path, stream))
        {
            if (cells.Length != 1)
                throw new UserError($"{path}: line {line} has {cells.Length} cells between '{Shown(separator)}', but labels are one column");
            labels.Add(cells[0].Trim());
        }

        // Labels may be words, so a header is only sure where the rest are integers, or where it says so. 0 is a label as well
        // as the name that pandas gives a column without one: it is a header where there is one label too many.
        if (labels.Count > 0 && (IsTitle(labels[0])
            || (labels.Count > 1 && !IsInteger(labels[0]) && labels.Skip(1).All(IsInteger))
            || (labels.Count == items + 1 && labels[0] == "0")))
            labels.RemoveAt(0);
        if (labels.Count == 0)
            throw new UserError($"{path}: has no labels");
        return labels.All(IsInteger)
            ? ClassLabels.Of(path, [.. labels.Select(label => long.Parse(label, CultureInfo.InvariantCulture))], Comparer<long>.Default)
            : ClassLabels.Of(path, labels, StringComparer.Ordinal);
    }

    /// <summary>
    /// A first line without a single number, or of the numbers 0, 1, 2, … as pandas names columns without names. A single
    /// column that starts with 0 has no header yet: what follows decides.
    /// </summary>
    private static bool IsHeader(string[] cells) => !cells.Any(cell => TryNumber(cell, out _)) || (cells.Length > 1 && IsCount(cells));

    private static bool IsCount(IEnumerable<string> cells)
        => cells.Index().All(cell => cell.Item.Trim() == cell.Index.ToString(CultureInfo.InvariantCulture));

    /// <summary>Row numbers tell every item from all others, so they must not pass for a feature.</summary>
    private static void CheckIndex(string path, Line header)
    {
        if (header.Cells is [var name, _, ..] && name.Trim() is "" or "Unnamed: 0" && (IsHeader(header.Cells) || IsCount(header.Cells[1..])))
            throw new UserError($"{path}: its first column has no name, as that of the row numbers that pandas writes, which are no feature: leave it out (to_csv with index=False)");
    }

    private static float Number(string path, Line line, int column)
    {
        var cell = line.Cells[column];
        if (!TryNumber(cell, out var number))
            throw new UserError($"{path}: line {line.Number}, column {column + 1}: '{Short(cell)}' is not a number{Advice(line, cell.Trim())}");
        return float.IsFinite((float)number)
            ? (float)number
            : throw new UserError($"{path}: line {line.Number}, column {column + 1}: '{Short(cell)}' is not a finite float32 number");
    }

    /// <summary>What the file seems to be, where it is a common one that is not read.</summary>
    private static string Advice(Line line, string cell)
    {
        if (cell.Contains(',', StringComparison.Ordinal) || (line.Separator == ',' && cell.AsSpan().ContainsAny(';', '\t')))
            return ": decimals are written with points, not with commas";
        return line.Cells.Length == 1 && cell.Any(char.IsWhiteSpace) ? ": cells stand between commas, semicolons or tabs, not spaces" : "";
    }

    private static IEnumerable<Line> Lines(string path, Stream stream)
    {
        using var reader = CsvReader.Create(stream, new CsvReaderOptions
        {
            // Found out from the first lines.
            Separator = null,
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
            yield return new Line(reader.LineNumber, cells, reader.Separator);
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

    private static string Shown(char separator) => separator == '\t' ? "tab" : separator.ToString();

    private static string Short(string cell) => cell.Length <= 40 ? cell : cell[..40] + "…";

    private static bool TryNumber(string cell, out double number)
        => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out number);

    private static bool IsInteger(string label) => long.TryParse(label, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static bool IsTitle(string label) => label.ToUpperInvariant() is "LABEL" or "LABELS" or "CLASS";
}
