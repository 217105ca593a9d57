using Contrastive.Numerics;

namespace Contrastive.Evaluation;

/// <summary>The k of recall@k and of top-k accuracy.</summary>
internal static class Cutoffs
{
    public static int[] Of(IReadOnlyList<int>? k, params int[] otherwise)
    {
        if (k is null)
            return otherwise;
        if (k.Count == 0)
            throw new ArgumentException("k has 0 values but must have at least 1", nameof(k));
        foreach (int cutoff in k)
            Guard.AtLeast(cutoff, 1, nameof(k));
        return [.. k.Distinct()];
    }
}
