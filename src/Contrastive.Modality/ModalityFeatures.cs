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
    internal void RequireAugmented(string loss, string modality)
        => Require(Augmented, loss, modality, "augmented features", nameof(Augmented));

    internal void RequireIndependent(string loss, string modality)
        => Require(Independent, loss, modality, "independent features", nameof(Independent));

    internal void RequireIndependentAugmented(string loss, string modality)
        => Require(IndependentAugmented, loss, modality, "independent features of the augmentation", nameof(IndependentAugmented));

    /// <summary>Checks every tensor there is against the shared features of this modality.</summary>
    internal void Check(string modality)
    {
        Guard.Features(Shared, $"{modality}.{nameof(Shared)}");
        foreach (var (tensor, name) in new[]
        {
            (Augmented, nameof(Augmented)), (Independent, nameof(Independent)), (IndependentAugmented, nameof(IndependentAugmented)),
        })
        {
            if (tensor is not null) CheckLike(Shared, tensor, $"{modality}.{nameof(Shared)}", $"{modality}.{name}");
        }
    }

    /// <summary>Checks two modalities, and that they belong together.</summary>
    internal static void Check(ModalityFeatures first, ModalityFeatures second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        first.Check(nameof(first));
        second.Check(nameof(second));
        CheckLike(first.Shared, second.Shared, "first.Shared", "second.Shared");
        if (first.Shared.shape[0] == 0) throw new ArgumentException("first.Shared has no rows", nameof(first));
    }

    private static void CheckLike(Tensor left, Tensor right, string leftName, string rightName)
    {
        Guard.Features(right, rightName);
        Guard.Comparable(left, right, leftName, rightName);
        Guard.SameRows(left, right, leftName, rightName);
    }

    private static void Require(Tensor? tensor, string loss, string modality, string what, string property)
    {
        if (tensor is null)
            throw new ArgumentException($"{loss} needs the {what} of the {modality} modality: {modality}.{property} is null", modality);
    }
}
