using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>Templates for <see cref="PromptSet.FromTemplates"/>: "{}" stands for the class name.</summary>
public static class PromptTemplates
{
    /// <summary>CLIP's single prompt (Radford et al. 2021, §3.1.4).</summary>
    public static ImmutableArray<string> Photo { get; } = ["a photo of a {}."];

    /// <summary>
    /// The seven templates of CLIP's published prompt engineering for ImageNet that do about as well as all eighty. (Those of others are
    /// read from a file: <see cref="Read"/>.)
    /// </summary>
    public static ImmutableArray<string> ImageNetSubset { get; } =
    [
        "itap of a {}.",
        "a bad photo of the {}.",
        "a origami {}.",
        "a photo of the large {}.",
        "a {} in a video game.",
        "art of the {}.",
        "a photo of the small {}.",
    ];

    /// <summary>
    /// A wide set of this library's own, for objects in pictures of any kind: how they were taken, how they look, where they are, and what
    /// the picture is if it is no photo.
    /// </summary>
    public static ImmutableArray<string> Wide { get; } =
    [
        "a picture of a {}.",
        "a picture of the {}.",
        "this picture shows a {}.",
        "there is a {} in this picture.",
        "one {}.",
        "several of {}.",
        "a {}, nothing else.",
        "a {} among other things.",
        "a sharp photo of a {}.",
        "a blurred photo of a {}.",
        "a dark photo of a {}.",
        "an overexposed photo of a {}.",
        "a grainy photo of a {}.",
        "a black and white photo of a {}.",
        "a colourful photo of a {}.",
        "a snapshot of a {}.",
        "a professional photo of a {}.",
        "a close view of a {}.",
        "a {} seen from afar.",
        "a {} seen from above.",
        "a {} seen from the side.",
        "part of a {}.",
        "a {} that is partly hidden.",
        "a small {}.",
        "a large {}.",
        "an old {}.",
        "a new {}.",
        "an unusual {}.",
        "a typical {}.",
        "a {} indoors.",
        "a {} outdoors.",
        "a {} in front of a plain wall.",
        "a {} at night.",
        "a {} in the sun.",
        "a {} held in a hand.",
        "a drawing of a {}.",
        "a sketch of a {} in pencil.",
        "a painting of a {}.",
        "a cartoon of a {}.",
        "a {} rendered by a computer.",
        "a {} on a screen.",
        "a toy {}.",
        "a {} made of wood.",
        "a sculpture of a {}.",
        "a sign that shows a {}.",
        "the outline of a {}.",
        "a painting of the {} on a wall.",
        "my {}.",
    ];

    /// <summary>Reads templates from a UTF-8 text file, one a line: such as the eighty of CLIP, which are its authors' to give.</summary>
    /// <param name="path">The file. Blank lines, and lines that begin with #, are left out.</param>
    /// <returns>The templates, in the order of the lines, without the white space around them.</returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="path"/> is blank, the file has no template, or a line has no place for the class name.
    /// </exception>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <example>
    /// <code>
    /// var prompts = PromptSet.FromTemplates(classNames, PromptTemplates.Read("templates.txt"));
    /// </code>
    /// </example>
    public static ImmutableArray<string> Read(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var templates = ImmutableArray.CreateBuilder<string>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            string template = line.Trim();
            if (template.Length == 0 || template.StartsWith('#'))
                continue;
            if (!template.Contains(PromptSet.Placeholder, StringComparison.Ordinal))
                throw new ArgumentException($"{path} must have {PromptSet.Placeholder} in each template but line {number} is \"{template}\"", nameof(path));
            templates.Add(template);
        }

        return templates.Count > 0
            ? templates.ToImmutable()
            : throw new ArgumentException($"{path} has 0 templates in {number} lines but must have at least 1", nameof(path));
    }
}
