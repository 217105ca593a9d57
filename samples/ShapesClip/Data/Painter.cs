namespace Contrastive.Samples.ShapesClip.Data;

/// <summary>
/// Draws scenes as square RGB pictures: a grey, textured background, the shape over it with anti-aliased edges, and noise.
/// Place, size, angle, colours and the texture's phase vary within their class, so no two pictures are the same.
/// </summary>
internal static class Painter
{
    /// <summary>Pixels a side.</summary>
    public const int Side = 32;

    public const int Bytes = 3 * Side * Side;

    /// <summary>Middles of the three rows and columns, and how far a shape strays from them, as shares of the side.</summary>
    public static IReadOnlyList<double> Middles { get; } = [0.25, 0.5, 0.75];

    public const double Stray = 0.025;

    /// <summary>Radii as shares of the side, and how much they vary, as a share of the radius.</summary>
    public static IReadOnlyList<double> Radii { get; } = [0.14, 0.20, 0.28];

    public const double RadiusVariation = 0.04;

    private const double AngleVariation = 8 * Math.PI / 180;
    private const double ColourVariation = 0.04;
    private const double Noise = 0.02;

    private static readonly (double R, double G, double B)[] Colours =
    [
        (0.85, 0.12, 0.12), (0.95, 0.52, 0.10), (0.95, 0.88, 0.15), (0.15, 0.65, 0.20), (0.20, 0.82, 0.85),
        (0.15, 0.25, 0.85), (0.52, 0.15, 0.65), (0.95, 0.58, 0.76), (0.96, 0.96, 0.96), (0.05, 0.05, 0.05),
    ];

    /// <param name="scene">What to draw.</param>
    /// <param name="random">Draws what the scene leaves open.</param>
    /// <param name="pixels">(3, Side, Side): red, green and blue planes, row by row from the top.</param>
    public static void Draw(Scene scene, Random random, Span<byte> pixels)
    {
        var middleX = Side * (Middles[scene.Place % 3] + Vary(random, Stray));
        var middleY = Side * (Middles[scene.Place / 3] + Vary(random, Stray));
        var radius = Side * Radii[scene.Size] * (1 + Vary(random, RadiusVariation));
        var (sin, cos) = Math.SinCos(scene.Rotation * Math.PI / 2 + Vary(random, AngleVariation));
        var background = new Background(scene.Texture, random);
        var (r, g, b) = Colours[scene.Colour];
        double red = r + Vary(random, ColourVariation), green = g + Vary(random, ColourVariation), blue = b + Vary(random, ColourVariation);

        for (int y = 0, at = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++, at++)
            {
                var (backRed, backGreen, backBlue) = background.At(x, y);
                double dx = (x + 0.5 - middleX) / radius, dy = (y + 0.5 - middleY) / radius;
                var cover = dx * dx + dy * dy > 2
                    ? 0
                    : Math.Clamp(0.5 - radius * Outline.Distance(scene.Shape, cos * dx + sin * dy, cos * dy - sin * dx), 0, 1);
                pixels[at] = Level(backRed + cover * (red - backRed), random);
                pixels[at + Side * Side] = Level(backGreen + cover * (green - backGreen), random);
                pixels[at + 2 * Side * Side] = Level(backBlue + cover * (blue - backBlue), random);
            }
        }
    }

    private static double Vary(Random random, double by) => by * (2 * random.NextDouble() - 1);

    private static byte Level(double value, Random random)
    {
        // The sum of three uniform variables is close to a normal one of variance 1/4, and fast.
        var noise = 2 * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5);
        return (byte)Math.Clamp(255 * (value + Noise * noise) + 0.5, 0, 255);
    }
}
