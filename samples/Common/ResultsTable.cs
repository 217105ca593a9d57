using System.Globalization;
using Contrastive.Evaluation;
using MathNet.Numerics.Statistics;

namespace Contrastive.Samples;

/// <summary>A table of aligned columns: the first to the left, the others, which hold figures, to the right.</summary>
public sealed class ResultsTable(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    /// <summary>A figure as a cell: a dash where it is NaN, as a p value is where nothing varies.</summary>
    public static string Cell(double value, string format)
        => double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A paired difference as cells: mean, standard error, seeds that won, p of the t test.</summary>
    public static (string Mean, string Error, string Won, string P) Cells(PairedDifference difference, int digits) => (
        Cell(difference.Mean, $"+0.{new string('0', digits)};-0.{new string('0', digits)}"),
        Cell(difference.StandardError, $"F{digits}"),
        $"{difference.Won}/{difference.Pairs}",
        Cell(difference.PValue, "F3"));

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

/// <summary>
/// Mean and standard deviation (n - 1) of a figure over the seeds; the deviation of one is NaN. Both are NaN, and the text is a
/// dash, where the figure could not be measured with every seed.
/// </summary>
public sealed record Spread(double Mean, double StandardDeviation)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var (mean, deviation) = values.MeanStandardDeviation();
        return new Spread(mean, deviation);
    }

    public string Text(int digits = 3, string between = " ± ")
        => double.IsNaN(Mean) ? "-" : double.IsNaN(StandardDeviation) ? Number(Mean, digits) : $"{Number(Mean, digits)}{between}{Number(StandardDeviation, digits)}";

    private static string Number(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);
}
