namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// The shapes as signed distances: below zero inside, in units of the shape's radius; x to the right, y down. All but the
/// exact formulas are close enough to a distance near the edge, where anti-aliasing reads it.
/// </summary>
internal static class Outline
{
    private static readonly (double X, double Y)[] Triangle = [(0, -1), (0.7, 0.75), (-0.7, 0.75)];
    private static readonly (double X, double Y)[] Arrow = [(0, -1), (0.75, -0.1), (0.28, -0.1), (0.28, 0.95), (-0.28, 0.95), (-0.28, -0.1), (-0.75, -0.1)];
    private static readonly (double X, double Y)[] Star = StarPoints();

    /// <param name="shape">A class of <see cref="Attributes.Shape"/>.</param>
    /// <param name="x">From the shape's middle, in radii.</param>
    /// <param name="y">Down from it.</param>
    public static double Distance(int shape, double x, double y) => Attributes.Shape.Classes[shape][0] switch
    {
        "circle" => Length(x, y) - 0.9,
        "ring" => Math.Abs(Length(x, y) - 0.72) - 0.22,
        "square" => Box(x, y, 0.78, 0.78),
        "triangle" => Polygon(Triangle, x, y),
        "star" => Polygon(Star, x, y),
        "cross" => Math.Min(Box(x, y, 0.3, 0.95), Box(x, y, 0.95, 0.3)),
        "heart" => Heart(x / 1.6, (0.85 - y) / 1.6) * 1.6,
        "semicircle" => Math.Max(Length(x, y - 0.45) - 0.98, y - 0.45),
        "crescent" => Math.Max(Length(x, y) - 0.95, 0.75 - Length(x, y + 0.5)),
        "arrow" => Polygon(Arrow, x, y),
        var unknown => throw new ArgumentException($"there is no outline of a {unknown}", nameof(shape)),
    };

    private static double Length(double x, double y) => Math.Sqrt(x * x + y * y);

    private static double Box(double x, double y, double width, double height)
    {
        double dx = Math.Abs(x) - width, dy = Math.Abs(y) - height;
        return Length(Math.Max(dx, 0), Math.Max(dy, 0)) + Math.Min(Math.Max(dx, dy), 0);
    }

    /// <summary>A unit heart that stands on the origin, y up (I. Quilez, "2D distance functions").</summary>
    private static double Heart(double x, double y)
    {
        x = Math.Abs(x);
        if (x + y > 1)
            return Length(x - 0.25, y - 0.75) - Math.Sqrt(2) / 4;
        var diagonal = 0.5 * Math.Max(x + y, 0);
        double dx = x - diagonal, dy = y - diagonal;
        return Math.Sqrt(Math.Min(x * x + (y - 1) * (y - 1), dx * dx + dy * dy)) * Math.Sign(x - y);
    }

    private static double Polygon((double X, double Y)[] corners, double x, double y)
    {
        var nearest = double.PositiveInfinity;
        var inside = false;
        for (int i = 0, j = corners.Length - 1; i < corners.Length; j = i++)
        {
            var (ax, ay) = corners[j];
            var (bx, by) = corners[i];
            double ex = bx - ax, ey = by - ay, px = x - ax, py = y - ay;
            var along = Math.Clamp((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1);
            double dx = px - along * ex, dy = py - along * ey;
            nearest = Math.Min(nearest, dx * dx + dy * dy);
            if (by > y != ay > y && x < (ax - bx) * (y - by) / (ay - by) + bx)
                inside = !inside;
        }

        return inside ? -Math.Sqrt(nearest) : Math.Sqrt(nearest);
    }

    private static (double X, double Y)[] StarPoints() => [.. Enumerable.Range(0, 10).Select(corner =>
    {
        var (angle, radius) = (corner * Math.PI / 5, corner % 2 == 0 ? 1 : 0.42);
        return (radius * Math.Sin(angle), -radius * Math.Cos(angle));
    })];
}
