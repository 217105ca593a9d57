using Contrastive.Training;
using ScottPlot;

namespace Contrastive.Samples;

/// <summary>
/// One line of a panel; <paramref name="Spread"/>, if given, draws a band of that half-width around it. Without a name it
/// is not in the legend.
/// </summary>
public sealed record Curve(
    string Name,
    IReadOnlyList<double> X,
    IReadOnlyList<double> Y,
    IReadOnlyList<double>? Spread = null,
    CurveStyle? Style = null);

/// <summary>How a curve looks, where it matters: curves that belong together share a colour.</summary>
/// <param name="Color">As #rrggbb; the next of the palette without it.</param>
/// <param name="Width">Of the line, in pixels.</param>
/// <param name="Opacity">From 0 to 1.</param>
/// <param name="Dashed">For what is not measured (limits, reference values), or to tell two curves of one colour apart.</param>
public sealed record CurveStyle(string? Color = null, double Width = 2, double Opacity = 1, bool Dashed = false);

/// <summary>One set of axes. A logarithmic axis leaves out what is not positive.</summary>
public sealed record Panel(
    string Title, string XLabel, string YLabel, IReadOnlyList<Curve> Curves, bool LogX = false, bool LogY = false)
{
    /// <summary>The range of the y axis; what the curves need unless given.</summary>
    public (double Low, double High)? YRange { get; init; }

    /// <summary>The x values to label; round numbers unless given.</summary>
    public IReadOnlyList<double>? XTicks { get; init; }
}

/// <summary>Line plots with legends, side by side in one PNG, written atomically.</summary>
public static class PlotFile
{
    public static void Write(string path, IReadOnlyList<Panel> panels, int panelWidth = 640, int panelHeight = 440, int columns = 2)
        => WriteSheet(path, [.. panels.Select(panel => (Action<Plot>)(plot => Draw(panel, plot)))], panelWidth, panelHeight, columns);

    /// <summary>Plots of any kind, side by side.</summary>
    public static void WriteSheet(string path, IReadOnlyList<Action<Plot>> drawings, int panelWidth, int panelHeight, int columns)
    {
        FontFiles.AreThere();
        columns = Math.Min(columns, drawings.Count);
        var rows = (drawings.Count + columns - 1) / columns;
        var sheet = new Multiplot();
        sheet.AddPlots(drawings.Count);
        sheet.Layout = new ScottPlot.MultiplotLayouts.Grid(rows, columns);
        for (var p = 0; p < drawings.Count; p++)
            drawings[p](sheet.GetPlot(p));
        using var image = sheet.Render(columns * panelWidth, rows * panelHeight);
        AtomicFile.Write(path, image.GetImageBytes(ImageFormat.Png));
    }

    private static void Draw(Panel panel, Plot plot)
    {
        foreach (var (number, curve) in panel.Curves.Index())
        {
            var shown = Enumerable.Range(0, curve.X.Count)
                .Where(i => double.IsFinite(Place(curve.X[i], panel.LogX)) && double.IsFinite(Place(curve.Y[i], panel.LogY)))
                .ToArray();
            if (shown.Length == 0)
                continue;
            var x = shown.Select(i => Place(curve.X[i], panel.LogX)).ToArray();
            var y = shown.Select(i => Place(curve.Y[i], panel.LogY)).ToArray();
            var line = plot.Add.Scatter(x, y);
            line.LegendText = curve.Name;
            var style = curve.Style ?? new CurveStyle();
            // By number: the bands would take every second colour of the palette.
            var color = style.Color is { } hex ? Color.FromHex(hex) : plot.Add.Palette.GetColor(number);
            line.Color = color.WithOpacity(style.Opacity);
            line.LineWidth = (float)style.Width;
            line.LinePattern = style.Dashed ? LinePattern.Dashed : LinePattern.Solid;
            line.MarkerSize = shown.Length > 20 || style.Dashed ? 0 : 6;
            if (curve.Spread is not { } spread)
                continue;
            var high = shown.Select(i => Place(curve.Y[i] + spread[i], panel.LogY)).ToArray();
            // On a logarithmic axis a band that reaches zero or below ends at the line.
            var low = shown.Select((i, n) => Place(curve.Y[i] - spread[i], panel.LogY) is var v && double.IsFinite(v) ? v : y[n]).ToArray();
            var band = plot.Add.FillY(x, low, high);
            band.FillColor = line.Color.WithAlpha(0.15);
            band.LineWidth = 0;
        }

        if (panel.LogX)
            plot.Axes.Bottom.TickGenerator = PowersOfTen();
        if (panel.LogY)
            plot.Axes.Left.TickGenerator = PowersOfTen();
        if (panel.XTicks is { } ticks)
        {
            plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
                [.. ticks.Select(tick => Place(tick, panel.LogX))], [.. ticks.Select(Label)]);
        }

        if (panel.YRange is { } range)
            plot.Axes.SetLimitsY(Place(range.Low, panel.LogY), Place(range.High, panel.LogY));
        plot.Title(panel.Title);
        plot.XLabel(panel.XLabel);
        plot.YLabel(panel.YLabel);
        plot.Legend.Orientation = Orientation.Horizontal;
        plot.ShowLegend(Edge.Bottom);
    }

    /// <summary>Thousands as people write them, not as 6.55E+04.</summary>
    private static string Label(double value) => Math.Abs(value) is >= 1000 and < 1e6 ? $"{value:F0}" : $"{value:G3}";

    private static double Place(double value, bool logarithmic)
        => !logarithmic ? value : value > 0 ? Math.Log10(value) : double.NaN;

    private static ScottPlot.TickGenerators.NumericAutomatic PowersOfTen() => new()
    {
        IntegerTicksOnly = true,
        MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
        LabelFormatter = position => Label(Math.Pow(10, position)),
    };
}
