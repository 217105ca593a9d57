namespace Contrastive.Samples.ShapesClip.Data;

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
/// <param name="ToldBy">Which modality tells it.</param>
/// <param name="Classes">The words for each class, synonyms of each other; the first is its name.</param>
public sealed record AttributeKind(string Name, ToldBy ToldBy, IReadOnlyList<IReadOnlyList<string>> Classes)
{
    public int Count => Classes.Count;
}
