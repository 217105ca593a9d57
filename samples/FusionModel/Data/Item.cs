namespace Contrastive.Samples.FusionModel.Data;

/// <summary>What an item can touch.</summary>
internal enum Wall
{
    Any,
    Bottom,
    Top,
    Right,
    Corner,
}

/// <summary>A thing in a box.</summary>
/// <param name="Shape">Of <see cref="BoxScene.Shapes"/>.</param>
/// <param name="Colour">Of <see cref="BoxScene.Colours"/>.</param>
/// <param name="Size">Of <see cref="BoxScene.Sizes"/>.</param>
/// <param name="X">Its left side, in hundredths of the box.</param>
/// <param name="Y">Its upper side.</param>
internal readonly record struct Item(int Shape, int Colour, int Size, int X, int Y)
{
    private const int Box = 100;

    /// <summary>Hundredths of the box.</summary>
    public int Extent => 10 * (Size + 1);

    public bool Touches(Wall wall) => wall switch
    {
        Wall.Bottom => Y + Extent == Box,
        Wall.Top => Y == 0,
        Wall.Right => X + Extent == Box,
        Wall.Corner => (X == 0 || X + Extent == Box) && (Y == 0 || Y + Extent == Box),
        _ => X == 0 || Y == 0 || X + Extent == Box || Y + Extent == Box,
    };

    public bool IsApartFrom(Item other)
        => X > other.X + other.Extent || other.X > X + Extent || Y > other.Y + other.Extent || other.Y > Y + Extent;

    /// <summary>Somewhere in a box, often at a wall.</summary>
    public static Item Draw(Random random)
    {
        var item = new Item(random.Next(3), random.Next(3), random.Next(3), 0, 0);
        var (furthest, near) = (Box - item.Extent, random.Next(20));
        var (x, y) = (random.Next(4, furthest - 3), random.Next(4, furthest - 3));
        return near switch
        {
            0 => item with { X = End(), Y = End() },
            < 4 => item with { X = End(), Y = y },
            < 8 => item with { X = x, Y = End() },
            _ => item with { X = x, Y = y },
        };

        int End() => random.Next(2) * furthest;
    }
}
