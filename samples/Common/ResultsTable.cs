using System.Globalization;

namespace Contrastive.Samples;

/// <summary>A table of aligned columns: the first to the left, the others, which hold figures, to the right.</summary>
public sealed class ResultsTable(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    /// <summary>A figure as a cell: a dash where it is NaN, as a p value is where nothing varies.</summary>
    public static string Cell(double value, string format)
        => double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture);

    public ResultsTable Row(params string[] cells)
    {
        if (cells.Length != headers.Length)
            throw new ArgumentException($"the row has {cells.Length} cells but the table has {headers.Length} columns", nameof(cells));
        _rows.Add(cells);
        return this;
    }

    public void Write(TextWriter output)
    {
        var widths = headers.Select((header, column) => _rows.Select(row => row[column].Length).Append(header.Length).Max()).ToArray();
        output.WriteLine(Format(headers));
        output.WriteLine(string.Join("  ", widths.Select(width => new string('-', width))));
        foreach (var row in _rows)
            output.WriteLine(Format(row));

        string Format(string[] cells)
            => string.Join("  ", cells.Select((cell, c) => c == 0 ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c]))).TrimEnd();
    }
}
