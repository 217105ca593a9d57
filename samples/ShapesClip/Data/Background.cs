namespace Contrastive.Samples.ShapesClip.Data;

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
