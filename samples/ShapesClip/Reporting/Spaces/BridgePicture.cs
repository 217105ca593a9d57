using ScottPlot;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting.Spaces;

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
