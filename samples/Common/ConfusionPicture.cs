using System.Globalization;
using ScottPlot;

namespace Contrastive.Samples;

/// <summary>Confusions of classes as a heat map: a row a true class, a column what it was taken for, shares of the row.</summary>
public static class ConfusionPicture
{
    private const int Cell = 44;
    private const int Margin = 150;

    /// <summary>Up to so many classes the shares are written into the cells.</summary>
    private const int Written = 12;

    /// <param name="panels">A title and the counts of each panel, (C, C), rows the true classes.</param>
    public static void Write(string path, IReadOnlyList<(string Title, double[,] Counts)> panels, IReadOnlyList<string> classes)
    {
        foreach (var (title, counts) in panels)
        {
            if (counts.GetLength(0) != classes.Count || counts.GetLength(1) != classes.Count)
                throw new ArgumentException($"'{title}' is of {counts.GetLength(0)} x {counts.GetLength(1)} classes but there are {classes.Count} names", nameof(panels));
        }
        var side = (Math.Max(10, classes.Count) * Cell) + Margin;
        PlotFile.WriteSheet(path, [.. panels.Select(panel => (Action<Plot>)(plot => Draw(plot, panel.Title, Shares(panel.Counts), classes)))], side, side, columns: 3);
    }

    /// <summary>Each row divided by its sum; a class that did not occur has a row of zeros.</summary>
    public static double[,] Shares(double[,] counts)
    {
        var n = counts.GetLength(0);
        var shares = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            var sum = Enumerable.Range(0, n).Sum(j => counts[i, j]);
            for (var j = 0; j < n && sum > 0; j++) shares[i, j] = counts[i, j] / sum;
        }
        return shares;
    }

    private static void Draw(Plot plot, string title, double[,] shares, IReadOnlyList<string> classes)
    {
        var n = classes.Count;
        var map = plot.Add.Heatmap(shares);
        map.Colormap = new ScottPlot.Colormaps.Blues().Reversed();
        map.ManualRange = new ScottPlot.Range(0, 1);
        for (var i = 0; i < n && n <= Written; i++)
        {
            for (var j = 0; j < n; j++)
            {
                if (shares[i, j] < 0.005) continue;
                var text = plot.Add.Text(shares[i, j].ToString("0.00", CultureInfo.InvariantCulture).TrimStart('0'), j, n - 1 - i);
                text.Alignment = Alignment.MiddleCenter;
                text.LabelFontSize = 10;
                text.LabelFontColor = shares[i, j] > 0.5 ? Colors.White : Colors.Black;
            }
        }
        double[] places = [.. Enumerable.Range(0, n).Select(i => (double)i)];
        plot.Axes.Bottom.SetTicks(places, [.. classes]);
        plot.Axes.Left.SetTicks(places, [.. classes.Reverse()]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = 90;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
        plot.Axes.Bottom.MinimumSize = 90;
        plot.XLabel("taken for");
        plot.YLabel("is");
        plot.Title(title);
        plot.HideGrid();
    }
}
