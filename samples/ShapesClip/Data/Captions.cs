namespace Contrastive.Samples.ShapesClip;

/// <summary>Puts scenes into words: one of several sentences, one of several words for each thing.</summary>
internal static class CaptionWriter
{
    /// <summary>How often a caption leaves each of size, place, mood and price out, unless it tells everything.</summary>
    private const double LeftOut = 0.4;

    /// <summary>A caption that tells everything but texture and rotation.</summary>
    public static string Full(Scene scene, Random random) => Write(scene, random, size: true, place: true, mood: true, price: true);

    /// <summary>A caption as people write them: shape and colour always, the rest mostly.</summary>
    public static string Partial(Scene scene, Random random) => Write(scene, random, Told(random), Told(random), Told(random), Told(random));

    private static bool Told(Random random) => random.NextDouble() >= LeftOut;

    private static string Write(Scene scene, Random random, bool size, bool place, bool mood, bool price)
    {
        var thing = Join(size ? Word(Attributes.Size, scene.Size) : "", Word(Attributes.Colour, scene.Colour), Word(Attributes.Shape, scene.Shape));
        var where = place ? $"{Any("at", "in")} the {Place(scene.Place, random)}" : "";
        var feeling = mood ? Word(Attributes.Mood, scene.Mood) : "";
        var cost = price ? $"{Any("for", "price")} {Word(Attributes.Price, scene.Price)} dollars" : "";
        return random.Next(4) switch
        {
            0 => Join("a", feeling, Any("picture", "drawing"), "of a", thing, where, cost),
            1 => Join(feeling, "print of a", thing, where, cost),
            2 => Join(where, "a", thing, feeling, Any("picture", "print"), cost),
            _ => Join(cost, "a", thing, where, feeling.Length > 0 ? $"{feeling} {Any("drawing", "picture")}" : ""),
        };

        string Word(AttributeKind kind, int index) => kind.Classes[index][random.Next(kind.Classes[index].Count)];

        string Any(string one, string other) => random.Next(2) == 0 ? one : other;
    }

    private static string Place(int place, Random random)
    {
        var (row, column) = (place / 3, place % 3);
        return (row, column) == (1, 1) ? Word(4) : Join(row == 1 ? "" : Word(row / 2), column == 1 ? "" : Word(2 + column / 2));

        string Word(int phrase) => Attributes.PlacePhrases[phrase][random.Next(Attributes.PlacePhrases[phrase].Count)];
    }

    private static string Join(params string[] parts) => string.Join(' ', parts.Where(part => part.Length > 0));
}

/// <summary>Prompts for zero-shot classes: each class in several sentences and with each of its words.</summary>
internal static class Prompts
{
    private static readonly string[] Sentences = ["a picture of a {0}", "a drawing of a {0}", "print of a {0}", "a {0}"];

    public static IReadOnlyList<IReadOnlyList<string>> Shapes { get; } = [.. Attributes.Shape.Classes.Select(words => Of(words))];

    public static IReadOnlyList<IReadOnlyList<string>> Colours { get; } =
        [.. Attributes.Colour.Classes.Select(words => Of([.. words.SelectMany(word => Attributes.Shape.Classes.Select(shape => $"{word} {shape[0]}"))]))];

    /// <summary>Class shape · colours + colour.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Combinations { get; } =
        [.. from shape in Attributes.Shape.Classes from colour in Attributes.Colour.Classes select Of([.. from c in colour from s in shape select $"{c} {s}"])];

    /// <summary>The class of a combination among <see cref="Combinations"/>.</summary>
    public static int Combination(int shape, int colour) => shape * Attributes.Colour.Count + colour;

    private static IReadOnlyList<string> Of(IReadOnlyList<string> names)
        => [.. from sentence in Sentences from name in names select string.Format(System.Globalization.CultureInfo.InvariantCulture, sentence, name)];
}
