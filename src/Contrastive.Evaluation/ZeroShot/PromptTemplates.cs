using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>Templates for <see cref="PromptSet.FromTemplates"/>.</summary>
public static class PromptTemplates
{
    /// <summary>CLIP's single prompt (Radford et al. 2021, §3.1.4).</summary>
    public static ImmutableArray<string> Photo { get; } = ["a photo of a {}."];

    /// <summary>
    /// The seven templates of CLIP's published prompt engineering for ImageNet that do about as well as all eighty.
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
}
