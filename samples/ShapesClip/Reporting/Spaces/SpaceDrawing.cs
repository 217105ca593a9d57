using ScottPlot;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

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

/// <summary>
/// Each space in its own plane: pictures and captions in two colours, a thin line between those of a pair. Where there is a
/// modality gap the colours lie apart.
/// </summary>
internal static class PlanePicture
{
    private const int Pairs = 300;
    private const int Columns = 4;
    private const int Side = 440;

    public static void Write(string path, IReadOnlyList<EmbeddingSpace> spaces)
    {
        var points = spaces.Select(space => (
            Space: space,
            Images: space.Plane.Project(First(space.Images)),
            Texts: space.Plane.Project(First(space.Texts)))).ToArray();
        // One range for all, so that a space that has collapsed looks it.
        var range = 1.1 * points.SelectMany(space => space.Images.Concat(space.Texts)).Max(point => Math.Max(Math.Abs(point.X), Math.Abs(point.Y)));
        PlotFile.WriteSheet(
            path,
            [.. points.Select((space, i) => (Action<Plot>)(plot => Draw(plot, space.Space, space.Images, space.Texts, range, legend: i == 0)))],
            Side,
            Side + 30,
            Columns);

        static Tensor First(Tensor features) => features.narrow(0, 0, Math.Min(Pairs, features.shape[0]));
    }

    private static void Draw(
        Plot plot, EmbeddingSpace space, IReadOnlyList<(double X, double Y)> images, IReadOnlyList<(double X, double Y)> texts, double range, bool legend)
    {
        foreach (var (image, text) in images.Zip(texts))
            SpaceDrawing.Path(plot, [image, text], Colors.Black.Faint(0.15), 1);
        SpaceDrawing.Dots(plot, images, SpaceDrawing.Pictures.Faint(0.8), 5, name: legend ? "picture" : null);
        SpaceDrawing.Dots(plot, texts, SpaceDrawing.Captions.Faint(0.8), 5, name: legend ? "caption" : null);
        SpaceDrawing.Frame(plot, space, $"gap {space.Figures.ModalityGap:F2}, alignment {space.Figures.Alignment:F2}, uniformity {space.Figures.Uniformity:F2}", range);
        if (legend)
            plot.ShowLegend(Alignment.LowerRight);
    }
}

/// <summary>
/// Brownian bridges between some pictures and their captions, in the plane of their space, with the features of
/// augmentations as small marks, so that one sees whether training has put them on it or they stay with their own side.
/// </summary>
internal static class BridgePicture
{
    private const int Paths = 4;
    private const int Side = 560;
    private const int Columns = 3;

    private static readonly double[] Times = [.. Enumerable.Range(0, 41).Select(i => i / 40.0)];
    private static readonly Color[] Palette = new ScottPlot.Palettes.Category10().Colors;

    public static void Write(string path, IReadOnlyList<(EmbeddingSpace Space, Bridges Bridges)> runs, Func<Generator> random)
    {
        // One range for all, as in the other picture.
        var range = 1.1 * runs.SelectMany(run => run.Space.Plane.Project(cat([run.Space.Images, run.Space.Texts], 0))).Max(point => Math.Max(Math.Abs(point.X), Math.Abs(point.Y)));
        var drawings = runs.Select((run, i) => (Action<Plot>)(plot =>
        {
            using var generator = random();
            Draw(plot, run.Space, run.Bridges, range, generator, legend: i == 0);
        }));
        PlotFile.WriteSheet(path, [.. drawings], Side, Side, Columns);
    }

    private static void Draw(Plot plot, EmbeddingSpace space, Bridges bridges, double range, Generator random, bool legend)
    {
        using var scope = NewDisposeScope();
        var plane = space.Plane;
        var (images, texts) = (plane.Project(space.Images), plane.Project(space.Texts));
        SpaceDrawing.Dots(plot, images, Colors.Black.Faint(0.08), 3);
        SpaceDrawing.Dots(plot, texts, Colors.Black.Faint(0.08), 3);

        var scale = bridges.Scale();
        var paths = bridges.Paths(Paths, Times, scale, random);
        var (from, to) = (plane.Project(bridges.Images), plane.Project(bridges.Texts));
        for (var pair = 0; pair < from.Count; pair++)
        {
            var color = Palette[pair % Palette.Length];
            for (var p = 0; p < Paths; p++)
                SpaceDrawing.Path(plot, plane.Project(paths[pair * Paths + p]), color.Faint(0.3), 1);
            SpaceDrawing.Path(plot, [from[pair], to[pair]], color, 2);
            var first = legend && pair == 0;
            SpaceDrawing.Dots(plot, [from[pair]], color, 13, name: first ? "picture" : null);
            SpaceDrawing.Dots(plot, [to[pair]], color, 13, MarkerShape.FilledSquare, first ? "caption" : null);
            if (bridges.AugmentedImages is { } augmentedImages)
                SpaceDrawing.Dots(plot, plane.Project(augmentedImages[pair]), color, 5, MarkerShape.OpenCircle, first ? "picture, augmented" : null);
            if (bridges.AugmentedTexts is { } augmentedTexts)
                SpaceDrawing.Dots(plot, plane.Project(augmentedTexts[pair]), color, 5, MarkerShape.OpenSquare, first ? "caption, augmented" : null);
        }

        SpaceDrawing.Frame(
            plot, space, $"augmentations {bridges.Along():F2} of the way, {bridges.Distance():F2} from the bridge (scale {scale:F3})", range);
        if (legend)
            plot.ShowLegend(Alignment.LowerRight);
    }
}
