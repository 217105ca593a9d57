using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Retrieval between two sets of features whose rows belong together (images and their captions, two views of a sample):
/// every row of one side is a query for its partner among all rows of the other.
/// </summary>
public static class Retrieval
{
    private static readonly int[] DefaultK = [1, 5, 10];

    /// <summary>Ranks the true match in both directions.</summary>
    /// <param name="left">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="right">Features of shape <c>(N, D)</c>; row i belongs to row i of <paramref name="left"/>.</param>
    /// <param name="k">The k of recall@k, each at least 1, in any order; 1, 5 and 10 when left out.</param>
    /// <param name="normalize">
    /// True: rank by cosine; a zero row scores 0 with everything. False: rank by dot product.
    /// </param>
    /// <param name="chunkSize">
    /// Queries scored at once, at least 1; the memory needed beyond the features is about 8 · chunkSize · N bytes in float32.
    /// Left out: as many as fit into 128 MiB. The result does not depend on it.
    /// </param>
    /// <remarks>
    /// Ties count as the expected value under a random order of the tied candidates: with g candidates that score higher
    /// than the true match and t others that score the same, the rank is g + 1 + t/2, the hit at k is
    /// clamp((k - g)/(t + 1), 0, 1), and the reciprocal rank is the mean of 1/(g + 1), …, 1/(g + t + 1). So collapsed
    /// features score at chance. "The same" means up to the rounding error of a dot product, (D/2 + 4) ε ‖x‖ ‖y‖.
    /// Every pair is scored once for both directions; memory is O(N · (D + chunkSize)).
    /// </remarks>
    /// <returns>The scores of both directions.</returns>
    /// <exception cref="ArgumentNullException">A feature matrix is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same shape, dtype and device, have no rows, or hold NaN or
    /// infinity; or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1.</exception>
    /// <example>
    /// <code>
    /// var report = Retrieval.Evaluate(imageFeatures, textFeatures);
    /// Console.WriteLine($"image to text R@1 {report.LeftToRight.RecallAt[1]:P1}, MRR {report.MeanReciprocalRank:F3}");
    /// </code>
    /// </example>
    public static RetrievalReport Evaluate(
        Tensor left, Tensor right, IReadOnlyList<int>? k = null, bool normalize = true, long? chunkSize = null)
    {
        Guard.Features(left);
        Guard.Features(right);
        Guard.Comparable(left, right);
        Guard.SameRows(left, right);
        Checks.Rows(left, 1);
        int[] cutoffs = Cutoffs(k);
        Checks.Chunk(chunkSize);
        Checks.Finite(left);
        Checks.Finite(right);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (forward, backward) = Count(
            FeatureRows.PrepareForRanking(left, normalize),
            FeatureRows.PrepareForRanking(right, normalize),
            Chunks.Size(chunkSize, left.shape[0], elements: 1 << 24));
        return new RetrievalReport(forward.Scores(cutoffs), backward.Scores(cutoffs));
    }

    private static int[] Cutoffs(IReadOnlyList<int>? k)
    {
        if (k is null)
            return DefaultK;
        if (k.Count == 0)
            throw new ArgumentException("k has 0 values but must have at least 1", nameof(k));
        foreach (int cutoff in k)
            Guard.AtLeast(cutoff, 1, nameof(k));
        return [.. k.Distinct()];
    }

    private static (MatchCounts Forward, MatchCounts Backward) Count(Tensor left, Tensor right, long chunkSize)
    {
        long rows = left.shape[0];
        var match = zeros_like(left.narrow(1, 0, 1)).squeeze(1);                    // (N), the score of the true pair
        foreach (var (start, length) in Chunks.Of(rows, chunkSize))
        {
            using var tile = NewDisposeScope();
            var products = left.narrow(0, start, length) * right.narrow(0, start, length);
            match.narrow(0, start, length).copy_(products.sum(dim: 1));
        }

        var tolerance = (FeatureRows.Lengths(left) * FeatureRows.Lengths(right)).Times(FeatureRows.Rounding(left));
        var above = match.Plus(tolerance);
        var below = match - tolerance;

        var leftAbove = zeros(rows, dtype: ScalarType.Int64, device: left.device);
        var leftAtLeast = zeros_like(leftAbove);
        var rightAbove = zeros_like(leftAbove);
        var rightAtLeast = zeros_like(leftAbove);
        foreach (var (start, length) in Chunks.Of(rows, chunkSize))
        {
            using var tile = NewDisposeScope();
            var scores = left.narrow(0, start, length).matmul(right.t());          // (length, N)
            // Summed in another order than the rest, the true pair's own score must still tie with itself.
            scores.diagonal(start).copy_(match.narrow(0, start, length));

            leftAbove.narrow(0, start, length).copy_(
                scores.gt(above.narrow(0, start, length).unsqueeze(1)).sum(dim: 1));
            leftAtLeast.narrow(0, start, length).copy_(
                scores.ge(below.narrow(0, start, length).unsqueeze(1)).sum(dim: 1));
            rightAbove.add_(scores.gt(above).sum(dim: 0), Scalars.OneIndex);
            rightAtLeast.add_(scores.ge(below).sum(dim: 0), Scalars.OneIndex);
        }

        return (MatchCounts.From(leftAbove, leftAtLeast), MatchCounts.From(rightAbove, rightAtLeast));
    }
}
