using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>
/// The prompts of a set of classes: the texts to encode, and which class each belongs to. Encode <see cref="Texts"/> with your
/// own text encoder, row by row, and give the features to <see cref="ZeroShotClassifier"/>.
/// </summary>
public sealed class PromptSet
{
    /// <summary>What a template says where the class name goes.</summary>
    internal const string Placeholder = "{}";

    private PromptSet(ImmutableArray<string> classNames, ImmutableArray<string> texts, ImmutableArray<long> classOfText)
    {
        ClassNames = classNames;
        Texts = texts;
        ClassOfText = classOfText;
    }

    /// <summary>The name of each class, in the order of their numbers from 0 to C - 1.</summary>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>The P prompts, class by class.</summary>
    public ImmutableArray<string> Texts { get; }

    /// <summary>The number of the class that each of <see cref="Texts"/> belongs to, ascending.</summary>
    public ImmutableArray<long> ClassOfText { get; }

    /// <summary>Every template with every class name.</summary>
    /// <param name="classNames">
    /// The names, at least 1, in the order of the class numbers; classes may share a name, as in ImageNet.
    /// </param>
    /// <param name="templates">
    /// At least 1, each with "{}" where the name goes, such as "a photo of a {}."; see <see cref="PromptTemplates"/>.
    /// </param>
    /// <returns>C · T prompts.</returns>
    /// <exception cref="ArgumentNullException">A list or one of its entries is null.</exception>
    /// <exception cref="ArgumentException">
    /// A list is empty, a name is blank, or a template has no place for the name.
    /// </exception>
    /// <example>
    /// <code>
    /// var prompts = PromptSet.FromTemplates(["cat", "dog"], ["a photo of a {}.", "a drawing of a {}."]);
    /// using var classifier = new ZeroShotClassifier(Encode(prompts.Texts), prompts);
    /// </code>
    /// </example>
    public static PromptSet FromTemplates(IReadOnlyList<string> classNames, IReadOnlyList<string> templates)
    {
        Check(classNames, nameof(classNames));
        Check(templates, nameof(templates));
        foreach (string template in templates)
        {
            if (!template.Contains(Placeholder, StringComparison.Ordinal))
            {
                throw new ArgumentException(
                    $"templates must have {Placeholder} in each but one is \"{template}\"", nameof(templates));
            }
        }

        return Of([.. classNames.Select(name => (name, Fill(templates, name)))]);
    }

    /// <summary>Prompts written for each class, as many as it takes.</summary>
    /// <param name="classes">The name of each class and its prompts, at least 1, in the order of the class numbers.</param>
    /// <returns>All prompts, class by class.</returns>
    /// <exception cref="ArgumentNullException">A list, a name or a prompt is null.</exception>
    /// <exception cref="ArgumentException">There are no classes, a class has no prompts, or a name or prompt is blank.</exception>
    public static PromptSet Of(IReadOnlyList<(string Name, IReadOnlyList<string> Prompts)> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        Check([.. classes.Select(one => one.Name)], nameof(classes));
        foreach (var (name, prompts) in classes)
            Check(prompts, $"{nameof(classes)}[{name}]");
        return new PromptSet(
            [.. classes.Select(one => one.Name)],
            [.. classes.SelectMany(one => one.Prompts)],
            [.. classes.SelectMany((one, number) => Enumerable.Repeat((long)number, one.Prompts.Count))]);
    }

    private static IReadOnlyList<string> Fill(IReadOnlyList<string> templates, string name)
        => [.. templates.Select(template => template.Replace(Placeholder, name, StringComparison.Ordinal))];

    private static void Check(IReadOnlyList<string> texts, string name)
    {
        ArgumentNullException.ThrowIfNull(texts, name);
        if (texts.Count == 0)
            throw new ArgumentException($"{name} has 0 texts but must have at least 1", name);
        for (int i = 0; i < texts.Count; i++)
        {
            ArgumentNullException.ThrowIfNull(texts[i], name);
            if (string.IsNullOrWhiteSpace(texts[i]))
                throw new ArgumentException($"{name} must not be blank but is \"{texts[i]}\" at {i}", name);
        }
    }
}
