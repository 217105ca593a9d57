namespace Contrastive.Samples.ShapesClip;

/// <summary>Which modality tells an attribute.</summary>
public enum ToldBy
{
    /// <summary>The picture shows it and the caption names it.</summary>
    Both,

    /// <summary>The picture alone.</summary>
    Picture,

    /// <summary>The caption alone.</summary>
    Caption,
}

/// <summary>An attribute of a pair, with its classes.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Classes">The words for each class, synonyms of each other; the first is its name.</param>
public sealed record AttributeKind(string Name, ToldBy ToldBy, IReadOnlyList<IReadOnlyList<string>> Classes)
{
    public int Count => Classes.Count;
}

/// <summary>What the pictures show and the captions say. A scene has one class of each.</summary>
public static class Attributes
{
    public static readonly AttributeKind Shape = new("shape", ToldBy.Both,
    [
        ["circle", "disc"], ["ring", "hoop"], ["square", "box"], ["triangle", "wedge"], ["star"],
        ["cross", "plus"], ["heart"], ["semicircle", "dome"], ["crescent", "moon"], ["arrow", "pointer"],
    ]);

    public static readonly AttributeKind Colour = new("colour", ToldBy.Both,
    [
        ["red", "crimson"], ["orange", "amber"], ["yellow", "golden"], ["green", "emerald"], ["cyan", "turquoise"],
        ["blue", "azure"], ["purple", "violet"], ["pink", "rosy"], ["white", "snowy"], ["black", "inky"],
    ]);

    public static readonly AttributeKind Size = new("size", ToldBy.Both, [["small", "little", "tiny"], ["medium", "middling"], ["large", "big", "huge"]]);

    /// <summary>Row by row, from the top left. The first word of each is its name; captions say it with <see cref="PlacePhrases"/>.</summary>
    public static readonly AttributeKind Place = new("place", ToldBy.Both,
    [
        ["top left"], ["top"], ["top right"], ["left"], ["centre"], ["right"], ["bottom left"], ["bottom"], ["bottom right"],
    ]);

    public static readonly AttributeKind Texture = new("texture", ToldBy.Picture,
    [
        ["plain"], ["rows"], ["columns"], ["diagonals"], ["checks"], ["dots"], ["fade"], ["speckles"],
    ]);

    /// <summary>Quarter turns, clockwise. They can be seen on the shapes of <see cref="ShowsRotation"/> only.</summary>
    public static readonly AttributeKind Rotation = new("rotation", ToldBy.Picture, [["up"], ["right"], ["down"], ["left"]]);

    public static readonly AttributeKind Mood = new("mood", ToldBy.Caption,
    [
        ["happy", "cheerful"], ["calm", "peaceful"], ["sad", "gloomy"], ["angry", "furious"],
        ["scary", "spooky"], ["funny", "silly"], ["lonely", "solitary"], ["hopeful", "bright"],
    ]);

    /// <summary>Bands of prices: a caption says one of a band's numbers.</summary>
    public static readonly AttributeKind Price = new("price", ToldBy.Caption,
    [
        ["3", "5", "8"], ["12", "15", "18"], ["30", "40", "45"], ["70", "80", "95"],
    ]);

    /// <summary>In the order of a scene's classes.</summary>
    public static IReadOnlyList<AttributeKind> All { get; } = [Shape, Colour, Size, Place, Texture, Rotation, Mood, Price];

    /// <summary>How captions say each row and column of places; the middle ones go unsaid, and the centre is named.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> PlacePhrases { get; } =
        [["top", "upper"], ["bottom", "lower"], ["left"], ["right"], ["centre", "middle"]];

    /// <summary>A circle looks the same turned; these shapes do not.</summary>
    public static bool ShowsRotation(int shape) => Shape.Classes[shape][0] is "triangle" or "heart" or "semicircle" or "crescent" or "arrow";
}

/// <summary>The classes of one pair's attributes, each an index into <see cref="Attributes"/>.</summary>
public readonly record struct Scene(int Shape, int Colour, int Size, int Place, int Texture, int Rotation, int Mood, int Price)
{
    public (int Shape, int Colour) Combination => (Shape, Colour);

    /// <summary>What both modalities tell.</summary>
    public (int Shape, int Colour, int Size, int Place) Shared => (Shape, Colour, Size, Place);

    /// <summary>The classes in the order of <see cref="Attributes.All"/>.</summary>
    public long[] Classes => [Shape, Colour, Size, Place, Texture, Rotation, Mood, Price];

    public static Scene Draw((int Shape, int Colour, int Size, int Place) shared, Random random) => new(
        shared.Shape,
        shared.Colour,
        shared.Size,
        shared.Place,
        random.Next(Attributes.Texture.Count),
        random.Next(Attributes.Rotation.Count),
        random.Next(Attributes.Mood.Count),
        random.Next(Attributes.Price.Count));
}
