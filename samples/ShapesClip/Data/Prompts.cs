namespace Contrastive.Samples.ShapesClip.Data;

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
