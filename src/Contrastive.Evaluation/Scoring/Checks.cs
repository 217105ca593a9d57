using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
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

    /// <summary>The k of recall@k and of top-k accuracy, each once.</summary>
    public static int[] Cutoffs(IReadOnlyList<int>? k, params int[] otherwise)
    {
        if (k is null)
            return otherwise;
        if (k.Count == 0)
            throw new ArgumentException("k has 0 values but must have at least 1", nameof(k));
        foreach (int cutoff in k)
            Guard.AtLeast(cutoff, 1, nameof(k));
        return [.. k.Distinct()];
    }

    public static void Chunk(long? chunkSize)
    {
        if (chunkSize is { } size)
            Guard.AtLeast(size, 1, nameof(chunkSize));
    }
}

/// <summary>How many rows are worked on at once.</summary>
internal static class Chunks
{
    /// <summary>As asked for, or as many as keep a tile within <paramref name="elements"/> numbers.</summary>
    public static long Size(long? requested, long columns, long elements)
        => requested ?? Math.Max(1, elements / Math.Max(1, columns));

    /// <summary>Rows that do not depend on each other, on as many threads as torch uses.</summary>
    public static void Each(long rows, Action<int> body)
        => Parallel.For(0, (int)rows, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, torch.get_num_threads()) }, body);
}
