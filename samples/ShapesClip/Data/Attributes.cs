namespace Contrastive.Samples.ShapesClip.Data;

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
