using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// What a step knows of one modality: features of N items, and of their augmentations, wherever they come from (a tower, a
/// fusion model, a momentum encoder). Row i of every tensor, and of the other modality's, is item i.
/// </summary>
/// <remarks>Only the shared features are required; a loss that needs more says what is missing. Nothing is disposed.</remarks>
/// <param name="Shared">v, the features that are aligned with the other modality's, (N, D).</param>
/// <param name="Augmented">v^a, the shared features of an augmentation of the same items, (N, D).</param>
/// <param name="Independent">v^i, the features that only this modality has, (N, D).</param>
/// <param name="IndependentAugmented">v^{i,a}, the independent features of the augmentation, (N, D).</param>
public sealed record ModalityFeatures(
    Tensor Shared, Tensor? Augmented = null, Tensor? Independent = null, Tensor? IndependentAugmented = null)
{
    /// <summary>The features beside the shared ones, each with what it is called.</summary>
    private (FeatureKinds Kind, Tensor? Tensor, string Name, string Words)[] Others =>
    [
        (FeatureKinds.Augmented, Augmented, nameof(Augmented), "augmented features"),
        (FeatureKinds.Independent, Independent, nameof(Independent), "independent features"),
        (FeatureKinds.IndependentAugmented, IndependentAugmented, nameof(IndependentAugmented), "independent features of the augmentation"),
    ];

    /// <summary>Refuses features that lack what a loss needs.</summary>
    internal void Require(FeatureKinds needs, string loss, string modality)
    {
        foreach (var (kind, tensor, name, words) in Others)
        {
            if (needs.HasFlag(kind) && tensor is null)
                throw new ArgumentException($"{loss} needs the {words} of the {modality} modality: {modality}.{name} is null", modality);
        }
    }

    /// <summary>Checks two modalities, and that they and the sample ids belong together.</summary>
    internal static void Check(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        first.Check(nameof(first));
        second.Check(nameof(second));
        CheckLike(first.Shared, second.Shared, "first.Shared", "second.Shared");
        if (first.Shared.shape[0] == 0) throw new ArgumentException("first.Shared has no rows", nameof(first));
        if (sampleIds is null) return;
        Guard.Integers(sampleIds, first.Shared.shape[0]);
        Guard.SameDevice(first.Shared, sampleIds, "first.Shared");
    }

    /// <summary>Checks every tensor there is against the shared features of this modality.</summary>
    private void Check(string modality)
    {
        var shared = $"{modality}.{nameof(Shared)}";
        Guard.Features(Shared, shared);
        foreach (var (_, tensor, name, _) in Others)
        {
            if (tensor is not null) CheckLike(Shared, tensor, shared, $"{modality}.{name}");
        }
    }

    private static void CheckLike(Tensor left, Tensor right, string leftName, string rightName)
    {
        Guard.Features(right, rightName);
        Guard.Comparable(left, right, leftName, rightName);
        Guard.SameRows(left, right, leftName, rightName);
    }
}

/// <summary>Features beside the shared ones that a loss needs of a modality.</summary>
[Flags]
public enum FeatureKinds
{
    /// <summary>None: the shared ones are enough.</summary>
    None = 0,

    /// <summary><see cref="ModalityFeatures.Augmented"/>.</summary>
    Augmented = 1,

    /// <summary><see cref="ModalityFeatures.Independent"/>.</summary>
    Independent = 2,

    /// <summary><see cref="ModalityFeatures.IndependentAugmented"/>.</summary>
    IndependentAugmented = 4,
}
