using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Retrieval between two sets of features whose rows belong together (images and their captions, two views of a sample):
/// every row of one side is a query for what belongs to it among all rows of the other, in both directions.
/// </summary>
/// <remarks>
/// The rank of a query is that of its best match. Ties count as the expected value under a random order of the tied
/// candidates: where g wrong candidates score higher than the best match, and t wrong ones and c matches score the same, the
/// rank is g + 1 + t/(c + 1) and the hit at k is 1 - C(t, m)/C(t + c, m) with m = k - g; for a single match, c = 1, that is
/// g + 1 + t/2 and clamp((k - g)/(t + 1), 0, 1). The reciprocal rank is the expected value of 1/rank. So collapsed features
/// score at chance. "The same" means up to what rounding of the features can do, 2 ε ‖x‖ ‖y‖: scores that the features' dtype leaves
/// in doubt are worked out in float64.
/// Every pair is scored once for both directions, in tiles: memory is O((N + M) · D), whatever N · M is.
/// </remarks>
public static class Retrieval
{
    /// <summary>Ranks the true match in both directions, where row i of one side belongs to row i of the other.</summary>
    /// <param name="left">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="right">Features of shape <c>(N, D)</c>; row i belongs to row i of <paramref name="left"/>.</param>
    /// <param name="k">The k of recall@k, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="normalize">
    /// True: rank by cosine; a zero row scores 0 with everything. False: rank by dot product.
    /// </param>
    /// <param name="chunkSize">
    /// Left rows scored at once, at least 1. The right side is cut as well, so that a tile has 2¹⁸ scores on the CPU and 2²⁴ on
    /// other devices, or chunkSize where that is more; 8 bytes are needed for each in float32, and 100 for each that is in doubt.
    /// By default as many rows as columns. The result does not depend on it.
    /// </param>
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
        Check(left, right);
        Guard.SameRows(left, right);
        int[] cutoffs = Cutoffs.Of(k, 1, 5, 10);
        Checks.Chunk(chunkSize);
        Checks.Finite(left);
        Checks.Finite(right);
        return Rank(left, right, Matches.OneToOne(left.shape[0]), cutoffs, normalize, chunkSize);
    }

    /// <summary>
    /// Ranks the best match in both directions, where rows with the same id belong together: several captions of one picture,
    /// or candidates that belong to no query.
    /// </summary>
    /// <param name="left">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="leftIds">Integer ids of shape <c>(N)</c>, on any device.</param>
    /// <param name="right">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="rightIds">Integer ids of shape <c>(M)</c>, on any device.</param>
    /// <param name="k">The k of recall@k, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="normalize">
    /// True: rank by cosine; a zero row scores 0 with everything. False: rank by dot product.
    /// </param>
    /// <param name="chunkSize">
    /// Left rows scored at once, at least 1. The right side is cut as well, so that a tile has 2¹⁸ scores on the CPU and 2²⁴ on
    /// other devices, or chunkSize where that is more; 8 bytes are needed for each in float32, and 100 for each that is in doubt.
    /// By default as many rows as columns. The result does not depend on it.
    /// </param>
    /// <remarks>
    /// Queries to which nothing belongs are skipped and counted: <see cref="RetrievalScores.Skipped"/>. They are candidates for
    /// the other direction all the same.
    /// </remarks>
    /// <returns>The scores of both directions.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same width, dtype and device, have no rows, or hold NaN or
    /// infinity; there is not one integer id for each row; no id is on both sides; or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1.</exception>
    /// <example>
    /// <code>
    /// // Five captions to a picture: caption j belongs to picture j / 5.
    /// var report = Retrieval.Evaluate(pictures, arange(1000), captions, arange(5000).div(5, RoundingMode.floor).@long());
    /// </code>
    /// </example>
    public static RetrievalReport Evaluate(
        Tensor left,
        Tensor leftIds,
        Tensor right,
        Tensor rightIds,
        IReadOnlyList<int>? k = null,
        bool normalize = true,
        long? chunkSize = null)
    {
        Check(left, right);
        Checks.Rows(right, 1);
        Guard.Integers(leftIds, left.shape[0]);
        Guard.Integers(rightIds, right.shape[0]);
        int[] cutoffs = Cutoffs.Of(k, 1, 5, 10);
        Checks.Chunk(chunkSize);
        var matches = Matches.Of(ClassLabels.Read(leftIds), ClassLabels.Read(rightIds));
        if (matches.Pairs == 0)
        {
            throw new ArgumentException(
                $"rightIds has none of the ids of leftIds: {left.shape[0]} left rows and {right.shape[0]} right rows, 0 pairs",
                nameof(rightIds));
        }

        Checks.Finite(left);
        Checks.Finite(right);
        return Rank(left, right, matches, cutoffs, normalize, chunkSize);
    }

    private static void Check(Tensor left, Tensor right)
    {
        Guard.Features(left);
        Guard.Features(right);
        Guard.Comparable(left, right);
        Checks.Rows(left, 1);
    }

    private static RetrievalReport Rank(
        Tensor left, Tensor right, Matches matches, int[] cutoffs, bool normalize, long? chunkSize)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (forward, backward) = MatchRanking.Count(
            left,
            right,
            normalize,
            matches,
            MatchRanking.Tile(chunkSize, left.device));
        return new RetrievalReport(
            new RetrievalScores(forward, left.shape[0] - forward.Count, cutoffs),
            new RetrievalScores(backward, right.shape[0] - backward.Count, cutoffs));
    }
}
