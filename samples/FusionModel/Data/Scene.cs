using SkiaSharp;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Boxes of two by two places, each empty, covered, or with a shape. Two scenes with the same boxes are one, in any order.</summary>
/// <param name="Places">Four a box, row by row: <see cref="Empty"/>, <see cref="Covered"/>, or colour · 3 + shape.</param>
internal sealed record Scene(int[] Places) : IScene
{
    public const int Side = 32;
    public const int PlacesPerBox = 4;
    public const int Empty = -1;
    public const int Covered = 12;

    public static readonly string[] Shapes = ["circle", "square", "triangle"];
    public static readonly string[] Colours = ["red", "green", "blue", "yellow"];
    public static readonly string[] Corners = ["top left", "top right", "bottom left", "bottom right"];

    private static readonly SKColor[] Paints = [new(215, 35, 35), new(40, 165, 60), new(45, 70, 220), new(235, 215, 45)];

    public int Boxes => Places.Length / PlacesPerBox;

    /// <summary>Whether it is only used for testing: what it shows decides, so no training set ever has it.</summary>
    public bool IsForTesting => TestScenes.Have(Places.Chunk(PlacesPerBox));

    public static bool IsShape(int place) => place is not (Empty or Covered);

    public static int Shape(int place) => place % 3;

    public static int Colour(int place) => place / 3;

    /// <summary>The numbers of the places, of the first box, with a shape of this colour and form; null stands for any.</summary>
    public IEnumerable<int> Find(int? colour, int? shape, int box = 0)
        => Enumerable.Range(0, PlacesPerBox).Where(i => Places[box * PlacesPerBox + i] is var place && IsShape(place)
            && (colour is null || Colour(place) == colour) && (shape is null || Shape(place) == shape));

    /// <param name="random">Draws it.</param>
    /// <param name="boxes">How many boxes.</param>
    /// <param name="covers">Whether all places have a shape and one is covered.</param>
    /// <param name="forTesting">Of which scenes.</param>
    public static Scene Draw(Random random, int boxes, bool covers, bool forTesting)
    {
        while (true)
        {
            var places = new int[boxes * PlacesPerBox];
            for (var i = 0; i < places.Length; i++)
                places[i] = !covers && random.Next(5) < 2 ? Empty : random.Next(12);
            if (covers)
                places[random.Next(places.Length)] = Covered;
            var scene = new Scene(places);
            if (places.Any(IsShape) && scene.IsForTesting == forTesting)
                return scene;
        }
    }

    /// <summary>Paints it. Place, size and tone of each shape vary, so no two pictures are the same.</summary>
    public byte[] Paint(Random random)
    {
        return BoxPictures.Paint(Boxes, Side, (canvas, box) =>
        {
            var grey = (byte)random.Next(100, 160);
            canvas.Clear(new SKColor(grey, grey, grey));
            for (var place = 0; place < PlacesPerBox; place++)
                PaintPlace(canvas, Places[box * PlacesPerBox + place], place, random);
        });
    }

    private static void PaintPlace(SKCanvas canvas, int what, int place, Random random)
    {
        const float half = Side / 2f;
        float x = half * (place % 2 + 0.5f) + Vary(1), y = half * (place / 2 + 0.5f) + Vary(1), r = 5.5f + Vary(0.8f);
        using var paint = new SKPaint { IsAntialias = true };
        if (what == Covered)
        {
            paint.Color = new SKColor(30, 25, 35);
            canvas.DrawRect(half * (place % 2), half * (place / 2), half, half, paint);
        }
        else if (what != Empty)
        {
            var c = Paints[Colour(what)];
            paint.Color = new SKColor(Tone(c.Red), Tone(c.Green), Tone(c.Blue));
            switch (Shape(what))
            {
                case 0:
                    canvas.DrawCircle(x, y, r, paint);
                    break;
                case 1:
                    canvas.DrawRect(x - 0.88f * r, y - 0.88f * r, 1.76f * r, 1.76f * r, paint);
                    break;
                default:
                    BoxPictures.Triangle(canvas, [new(x, y - 1.1f * r), new(x + 1.1f * r, y + 0.9f * r), new(x - 1.1f * r, y + 0.9f * r)], paint);
                    break;
            }
        }

        float Vary(float by) => by * (2 * random.NextSingle() - 1);

        byte Tone(byte level) => (byte)Math.Clamp(level + random.Next(-15, 16), 0, 255);
    }
}
