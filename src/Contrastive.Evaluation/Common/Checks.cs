using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The checks every metric makes on its features, beyond those of <see cref="Guard"/>.</summary>
internal static class Checks
{
    /// <summary>At least <paramref name="minimum"/> rows.</summary>
    public static void Rows(Tensor features, long minimum, [CallerArgumentExpression(nameof(features))] string name = "")
    {
        if (features.shape[0] < minimum)
            throw new ArgumentException($"{name} must have at least {minimum} rows but has {features.shape[0]}", name);
    }

    /// <summary>At least <paramref name="minimum"/> rows, an integer for each, and both on one device.</summary>
    public static void LabelledRows(
        Tensor features,
        Tensor labels,
        long minimum,
        [CallerArgumentExpression(nameof(features))] string name = "",
        [CallerArgumentExpression(nameof(labels))] string labelsName = "")
    {
        Rows(features, minimum, name);
        Guard.Integers(labels, features.shape[0], labelsName);
        Guard.SameDevice(features, labels, name, labelsName);
    }

    /// <summary>Two sets of labelled rows that can be compared; the second has at least one.</summary>
    public static void LabelledSets(
        Tensor first,
        Tensor firstLabels,
        long minimum,
        Tensor second,
        Tensor secondLabels,
        [CallerArgumentExpression(nameof(first))] string firstName = "",
        [CallerArgumentExpression(nameof(firstLabels))] string firstLabelsName = "",
        [CallerArgumentExpression(nameof(second))] string secondName = "",
        [CallerArgumentExpression(nameof(secondLabels))] string secondLabelsName = "")
    {
        Guard.Features(first, firstName);
        Guard.Features(second, secondName);
        Guard.Comparable(first, second, firstName, secondName);
        LabelledRows(first, firstLabels, minimum, firstName, firstLabelsName);
        LabelledRows(second, secondLabels, 1, secondName, secondLabelsName);
    }

    /// <summary>Neither NaN nor infinity: either would turn up as a plausible rank. Reads all features, so it comes last.</summary>
    public static void Finite(Tensor features, [CallerArgumentExpression(nameof(features))] string name = "")
    {
        using var scope = NewDisposeScope();
        long wrong = features.numel() - features.isfinite().count_nonzero().item<long>();
        if (wrong > 0)
            throw new ArgumentException($"{name} has {wrong} values of {features.numel()} that are NaN or infinite", name);
    }

    public static void Chunk(long? chunkSize)
    {
        if (chunkSize is { } size)
            Guard.AtLeast(size, 1, nameof(chunkSize));
    }
}
