using ScottPlot;

namespace Contrastive.Samples.ShapesClip.Reporting.Spaces;

/// <summary>What the pictures of embedding spaces have in common.</summary>
internal static class SpaceDrawing
{
    public static readonly Color Pictures = Color.FromHex("#1f77b4");
    public static readonly Color Captions = Color.FromHex("#ff7f0e");

    public static Color Faint(this Color color, double opacity) => color.WithAlpha(opacity);

    public static void Dots(
        Plot plot, IReadOnlyList<(double X, double Y)> points, Color color, float size, MarkerShape shape = MarkerShape.FilledCircle, string? name = null)
    {
        var dots = plot.Add.ScatterPoints(points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), color);
        dots.MarkerShape = shape;
        dots.MarkerSize = size;
        if (name is not null)
            dots.LegendText = name;
    }

    public static void Path(Plot plot, IReadOnlyList<(double X, double Y)> points, Color color, float width)
    {
        var path = plot.Add.ScatterLine(points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), color);
        path.LineWidth = width;
    }

    /// <summary>Title, axes with what they show of the variance, and the same range both ways.</summary>
    public static void Frame(Plot plot, EmbeddingSpace space, string figures, double range)
    {
        plot.Title($"{space.Name}\n{figures}", 13);
        plot.XLabel($"first component, {space.Plane.FirstShare:P0} of the variance", 12);
        plot.YLabel($"second, {space.Plane.SecondShare:P0}", 12);
        plot.Axes.SetLimits(-range, range, -range, range);
    }
}
