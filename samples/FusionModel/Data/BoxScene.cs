using SkiaSharp;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>
/// Boxes in the manner of NLVR (A. Suhr et al., ACL 2017): up to seven items anywhere in each, or a tower of one to four blocks, named from its base up.
/// </summary>
internal sealed record BoxScene(IReadOnlyList<IReadOnlyList<Item>> Boxes) : IScene
{
    /// <summary>Pixels of a box.</summary>
    public const int Side = 48;

    private const int Most = 7;
    private const int Tallest = 4;

    public static readonly string[] Shapes = ["circle", "square", "triangle"];
    public static readonly string[] Colours = ["black", "blue", "yellow"];
    public static readonly string[] Sizes = ["small", "medium", "big"];

    private static readonly SKColor[] Paints = [new(0, 0, 0), new(0, 153, 255), new(255, 255, 0)];

    /// <summary>Whether it is only used for testing: its items in their order from the top decide, so no training set ever has it.</summary>
    public bool IsForTesting
        => TestScenes.Have(Boxes.Select(box => box.OrderBy(item => item.Y).ThenBy(item => item.X).Select(item => item.Shape + 3 * (item.Colour + 3 * item.Size)).ToArray()));

    /// <param name="random">Draws it.</param>
    /// <param name="boxes">How many boxes.</param>
    /// <param name="towers">Whether each has a tower.</param>
    /// <param name="forTesting">Of which scenes.</param>
    /// <param name="most">How many items a box has at most.</param>
    public static BoxScene Draw(Random random, int boxes, bool towers, bool forTesting, int most = Most)
    {
        while (true)
        {
            var scene = new BoxScene([.. Enumerable.Range(0, boxes).Select(IReadOnlyList<Item> (_) => towers ? Tower(random) : Items(random, most))]);
            if (scene.IsForTesting == forTesting)
                return scene;
        }
    }

    public byte[] Paint(Random random) => BoxPictures.Paint(Boxes.Count, Side, (canvas, box) =>
    {
        canvas.Clear(new SKColor(211, 211, 211));
        canvas.Scale(Side / 100f);
        foreach (var item in Boxes[box])
        {
            using var paint = new SKPaint { IsAntialias = true, Color = Paints[item.Colour] };
            float x = item.X, y = item.Y, extent = item.Extent;
            switch (item.Shape)
            {
                case 0:
                    canvas.DrawOval(SKRect.Create(x, y, extent, extent), paint);
                    break;
                case 1:
                    canvas.DrawRect(SKRect.Create(x, y, extent, extent), paint);
                    break;
                default:
                    BoxPictures.Triangle(canvas, [new(x + extent / 2, y), new(x + extent, y + extent), new(x, y + extent)], paint);
                    break;
            }
        }
    });

    private static List<Item> Items(Random random, int most)
    {
        var items = new List<Item>();
        var count = random.Next(1, most + 1);
        // Large ones may leave no place for others.
        for (var tries = 0; items.Count < count && tries < 200; tries++)
        {
            var item = Item.Draw(random);
            if (items.TrueForAll(item.IsApartFrom))
                items.Add(item);
        }

        return items;
    }

    private static Item[] Tower(Random random)
        => [.. Enumerable.Range(0, random.Next(1, Tallest + 1)).Select(block => new Item(1, random.Next(3), 1, 40, 79 - 21 * block))];
}
