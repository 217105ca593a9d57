namespace Contrastive.Samples.ShapesClip;

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

/// <summary>A grey background of two tones in a pattern: the texture that no caption mentions.</summary>
internal readonly struct Background
{
    private const double Tint = 0.03;

    private readonly string _texture;
    private readonly double _tone;
    private readonly double _contrast;
    private readonly double _period;
    private readonly double _phaseX;
    private readonly double _phaseY;
    private readonly double _sign;
    private readonly (double R, double G, double B) _tint;
    private readonly bool[]? _speckles;

    /// <param name="texture">A class of <see cref="Attributes.Texture"/>.</param>
    /// <param name="random">Draws tones, period, phase and direction.</param>
    public Background(int texture, Random random)
    {
        _texture = Attributes.Texture.Classes[texture][0];
        _tone = 0.38 + 0.22 * random.NextDouble();
        _contrast = 0.09 + 0.05 * random.NextDouble();
        _period = 5 + 2 * random.NextDouble();
        (_phaseX, _phaseY) = (random.NextDouble(), random.NextDouble());
        _sign = random.Next(2) == 0 ? 1 : -1;
        _tint = (Drawn(), Drawn(), Drawn());
        _speckles = _texture == "speckles" ? [.. Enumerable.Range(0, Painter.Side * Painter.Side / 4).Select(_ => random.Next(2) == 0)] : null;

        double Drawn() => Tint * (2 * random.NextDouble() - 1);
    }

    public (double R, double G, double B) At(int x, int y)
    {
        var tone = _tone + _contrast * Pattern(x, y);
        return (tone + _tint.R, tone + _tint.G, tone + _tint.B);
    }

    /// <summary>From -1 to 1.</summary>
    private double Pattern(int x, int y) => _texture switch
    {
        "plain" => 0,
        "rows" => Wave(y / _period + _phaseY),
        "columns" => Wave(x / _period + _phaseX),
        "diagonals" => Wave((x + _sign * y) / (1.4 * _period) + _phaseX),
        "checks" => Wave(x / (1.6 * _period) + _phaseX) * Wave(y / (1.6 * _period) + _phaseY),
        "dots" => Distance(x / _period + _phaseX, y / _period + _phaseY) < 0.3 ? 1.2 : -0.4,
        "fade" => _sign * (2.0 * y / (Painter.Side - 1) - 1) * 1.4,
        "speckles" => _speckles![y / 2 * (Painter.Side / 2) + x / 2] ? 1 : -1,
        _ => throw new InvalidOperationException($"there is no pattern of {_texture}"),
    };

    /// <summary>A square wave with soft edges.</summary>
    private static double Wave(double turns) => Math.Clamp(2.5 * Math.Sin(2 * Math.PI * turns), -1, 1);

    /// <summary>From the nearest point of the unit lattice.</summary>
    private static double Distance(double x, double y)
    {
        double dx = x - Math.Round(x), dy = y - Math.Round(y);
        return Math.Sqrt(dx * dx + dy * dy);
    }
}
