using ScottPlot;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting.Spaces;

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
        SpaceDrawing.Frame(plot, space, $"gap {space.Gap:F2}, alignment {space.Alignment:F2}, uniformity {space.Uniformity:F2}", range);
        if (legend)
            plot.ShowLegend(Alignment.LowerRight);
    }
}
