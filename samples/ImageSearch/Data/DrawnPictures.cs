using SkiaSharp;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>Icons to try the program with: a shape, filled or not, of some colour and size, in some place. No two items are the same.</summary>
internal static class DrawnPictures
{
    private const int PicturesEach = 2;

    private static readonly string[] Shapes = ["circle", "square", "triangle", "star", "cross", "ring", "bar", "drop"];

    private static readonly (string Name, SKColor Colour)[] Colours =
    [
        ("red", new(214, 40, 40)), ("orange", new(240, 140, 30)), ("yellow", new(235, 205, 40)), ("green", new(50, 160, 70)),
        ("blue", new(40, 80, 210)), ("purple", new(130, 50, 170)), ("black", new(20, 20, 20)), ("grey", new(140, 140, 140)),
    ];

    private static readonly (string[] Words, float Radius)[] Sizes = [(["small", "little"], 0.13f), (["medium"], 0.19f), (["large", "big"], 0.26f)];

    private static readonly (string Words, float X, float Y)[] Places =
        [("in the middle", 0.5f, 0.5f), ("at the top", 0.5f, 0.28f), ("at the bottom", 0.5f, 0.72f), ("on the left", 0.28f, 0.5f), ("on the right", 0.72f, 0.5f)];

    /// <summary>How many different items there are.</summary>
    public static int Most => Shapes.Length * Colours.Length * Sizes.Length * Places.Length * 2;

    /// <summary>Which of the words an item has, by number; the same shape, colour, size, place and fill are the same item.</summary>
    public static (int Shape, int Colour, int Size, int Place, bool Filled) Parts(int item)
    {
        var (shape, rest) = (item % Shapes.Length, item / Shapes.Length);
        var (colour, rest2) = (rest % Colours.Length, rest / Colours.Length);
        var (size, rest3) = (rest2 % Sizes.Length, rest2 / Sizes.Length);
        return (shape, colour, size, rest3 % Places.Length, rest3 / Places.Length == 1);
    }

    /// <param name="items">How many of them to draw, each as two pictures.</param>
    /// <param name="side">Pixels a side.</param>
    /// <param name="seed">The same seed, the same pictures.</param>
    public static PictureCollection Draw(int items, int side, long seed)
    {
        var random = new Random((int)seed);
        int[] all = [.. Enumerable.Range(0, Most)];
        random.Shuffle(all);
        var pictures = new List<Picture>();
        foreach (var item in all[..items])
        {
            var parts = Parts(item);
            var (shape, colour, size, place, filled) = (parts.Shape, Colours[parts.Colour], Sizes[parts.Size], Places[parts.Place], parts.Filled);
            for (var copy = 0; copy < PicturesEach; copy++)
            {
                var sizeWord = size.Words[copy % size.Words.Length];
                var kind = filled ? "filled" : "outlined";
                string[] captions = [$"{sizeWord} {kind} {colour.Name} {Shapes[shape]} {place.Words}", $"{place.Words} a {colour.Name} {kind} {Shapes[shape]}, {sizeWord}"];
                pictures.Add(new Picture($"drawn {item}-{copy}", null, Paint(Shapes[shape], colour.Colour, size.Radius, place.X, place.Y, filled, side, random), captions, Shapes[shape], $"{item}"));
            }
        }

        return new PictureCollection(side, pictures, []);
    }

    private static byte[] Paint(string shape, SKColor colour, float radius, float x, float y, bool filled, int side, Random random)
    {
        using var square = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));
        using var canvas = new SKCanvas(square);
        canvas.Clear(SKColors.White);
        canvas.Translate(side * (x + Vary(0.02f)), side * (y + Vary(0.02f)));
        canvas.RotateDegrees(Vary(6));
        canvas.Scale(side * radius * (1 + Vary(0.05f)));
        using var paint = new SKPaint { Color = colour, IsAntialias = true, IsStroke = !filled, StrokeWidth = 0.3f };
        using var path = Outline(shape);
        canvas.DrawPath(path, paint);
        canvas.Flush();
        var pixels = new byte[3 * side * side];
        SquarePicture.Planes(square, pixels);
        return pixels;

        float Vary(float by) => by * (2 * random.NextSingle() - 1);
    }

    private static SKPath Outline(string shape) => SKPath.ParseSvgPathData(shape switch
    {
        "circle" => "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z",
        // The inner circle goes the other way round, and is a hole.
        "ring" => "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0ZM-.5 0A.5 .5 0 1 0 .5 0A.5 .5 0 1 0-.5 0Z",
        "square" => "M-.9-.9H.9V.9H-.9Z",
        "triangle" => "M0-1L.95.8H-.95Z",
        "star" => "M0-1.1L.3-.35 1.1-.3 .5 .25 .7 1.05 0 .6-.7 1.05-.5 .25-1.1-.3-.3-.35Z",
        "cross" => "M-.3-1H.3V-.3H1V.3H.3V1H-.3V.3H-1V-.3H-.3Z",
        "bar" => "M-1.1-.35H1.1V.35H-1.1Z",
        _ => "M0-1.1C.5-.4 .8 0 .8 .35A.8 .75 0 0 1-.8 .35C-.8 0-.5-.4 0-1.1Z",
    });
}
