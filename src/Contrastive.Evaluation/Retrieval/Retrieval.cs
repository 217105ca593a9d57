using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Retrieval: every row is a query for what is relevant to it among other rows. Between two sides whose rows belong together (images and
/// their captions, two views of a sample) in both directions; or by label, one way or within one set.
/// </summary>
/// <remarks>
/// Ties count as the expected value under a random order of the tied candidates, so collapsed features score at chance. Of a query's best
/// match: where g wrong candidates score higher, and t wrong ones and c matches score the same, the rank is g + 1 + t/(c + 1) and the hit
/// at k is 1 - C(t, m)/C(t + c, m) with m = k - g. Of any relevant candidate above which g stand, r of them relevant, and beside which t
/// others stand, s of them relevant: the precision at it is s/t + (r + 1 - (g + 1) s/t) (H_(g+t+1) - H_g)/(t + 1), H_n the n-th harmonic
/// number. (scikit-learn's <c>average_precision_score</c> takes the precision at the end of the tied block instead.) "The same" means up to
/// what rounding of the features can do, 2 ε ‖x‖ ‖y‖: scores that the features' dtype leaves in doubt are worked out in float64.
/// With few relevant candidates a query, every pair is scored once for both directions, in tiles, and memory is O((N + M) · D), whatever
/// N · M is. Where a query has more than 32, its scores are computed in float64 and sorted, each direction by itself: 8 bytes for each
/// score of <c>chunkSize</c> queries, at most 64 MiB or one query's, beside the candidates in float64, if those take no more than 256 MiB.
/// </remarks>
public static class Retrieval
{
    /// <summary>Ranks the true match in both directions, where row i of one side belongs to row i of the other.</summary>
    /// <param name="left">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="right">Features of shape <c>(N, D)</c>; row i belongs to row i of <paramref name="left"/>.</param>
    /// <param name="k">The k of hit rate, recall, precision and NDCG, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="similarity">What candidates are ranked by; the cosine with a zero row is 0.</param>
    /// <param name="chunkSize">
    /// Left rows scored at once, at least 1. The right side is cut as well, so that a tile has 2¹⁸ scores on the CPU and 2²⁴ on
    /// other devices, or chunkSize where that is more. By default as many rows as columns. The result does not depend on it.
    /// </param>
    /// <returns>The reports of both directions.</returns>
    /// <exception cref="ArgumentNullException">A feature matrix is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same shape, dtype and device, have no rows, or hold NaN or
    /// infinity; or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1, or the similarity is not defined.</exception>
    /// <example>
    /// <code>
    /// var report = Retrieval.Evaluate(imageFeatures, textFeatures);
    /// Console.WriteLine($"image to text R@1 {report.LeftToRight.RecallAt[1]:P1}, MRR {report.MeanReciprocalRank:F3}");
    /// </code>
    /// </example>
    public static RetrievalReport Evaluate(
        Tensor left, Tensor right, IReadOnlyList<int>? k = null, SimilarityMeasure similarity = SimilarityMeasure.Cosine, long? chunkSize = null)
    {
        Check(left, right);
        Guard.SameRows(left, right);
        int[] cutoffs = CheckOptions(k, similarity, chunkSize);
        Checks.Finite(left);
        Checks.Finite(right);
        var relevance = Relevance.OneToOne(left.shape[0]);
        return BothWays(left, right, relevance, relevance, cutoffs, similarity, chunkSize);
    }

    /// <summary>
    /// Ranks in both directions, where rows with the same id belong together: several captions of one picture, rows with the same label, or
    /// candidates that belong to no query.
    /// </summary>
    /// <param name="left">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="leftIds">Integer ids of shape <c>(N)</c>, on the features' device.</param>
    /// <param name="right">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="rightIds">Integer ids of shape <c>(M)</c>, on the features' device.</param>
    /// <param name="k">The k of hit rate, recall, precision and NDCG, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="similarity">What candidates are ranked by; the cosine with a zero row is 0.</param>
    /// <param name="chunkSize">Left rows scored at once, at least 1; see <see cref="Retrieval"/>. The result does not depend on it.</param>
    /// <remarks>
    /// Queries to which nothing belongs are skipped, and named: <see cref="RankingReport.SkippedRows"/>. They are candidates for
    /// the other direction all the same.
    /// </remarks>
    /// <returns>The reports of both directions.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same width, dtype and device, have no rows, or hold NaN or
    /// infinity; there is not one integer id for each row on their device; no id is on both sides; or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1, or the similarity is not defined.</exception>
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
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        long? chunkSize = null)
    {
        Check(left, right);
        Checks.LabelledRows(left, leftIds, 1);
        Checks.LabelledRows(right, rightIds, 1);
        int[] cutoffs = CheckOptions(k, similarity, chunkSize);
        long[] ids = ClassLabels.Read(leftIds), others = ClassLabels.Read(rightIds);
        if (!ids.Intersect(others).Any())
        {
            throw new ArgumentException(
                $"rightIds has none of the ids of leftIds: {left.shape[0]} left rows and {right.shape[0]} right rows, 0 pairs",
                nameof(rightIds));
        }

        Checks.Finite(left);
        Checks.Finite(right);
        return BothWays(left, right, Relevance.ById(ids, others), Relevance.ById(others, ids), cutoffs, similarity, chunkSize);
    }

    /// <summary>Ranks in both directions, where each pair that belongs together has a grade: how relevant one is to the other.</summary>
    /// <param name="left">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="right">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="pairs">
    /// The pairs that are relevant at all, integers of shape <c>(P, 2)</c> on the features' device: a left and a right row, each pair once.
    /// </param>
    /// <param name="grades">The grade of each pair, floating point of shape <c>(P)</c> on the features' device; positive and finite.</param>
    /// <param name="k">The k of hit rate, recall, precision and NDCG, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="similarity">What candidates are ranked by; the cosine with a zero row is 0.</param>
    /// <param name="chunkSize">Left rows scored at once, at least 1; see <see cref="Retrieval"/>. The result does not depend on it.</param>
    /// <remarks>Grades count in NDCG alone; for the other measures a pair is relevant or not. A matrix of grades has the pairs
    /// <c>grades.nonzero()</c>.</remarks>
    /// <returns>The reports of both directions.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same width, dtype and device, have no rows, or hold NaN or
    /// infinity; pairs and grades do not fit them or each other, or a pair is given twice; or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1, or the similarity is not defined.</exception>
    public static RetrievalReport Graded(
        Tensor left,
        Tensor right,
        Tensor pairs,
        Tensor grades,
        IReadOnlyList<int>? k = null,
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        long? chunkSize = null)
    {
        Check(left, right);
        Checks.Rows(right, 1);
        int[] cutoffs = CheckOptions(k, similarity, chunkSize);
        var (queries, candidates, values) = CheckPairs(left, right, pairs, grades);
        Checks.Finite(left);
        Checks.Finite(right);
        return BothWays(
            left,
            right,
            Relevance.Graded(left.shape[0], queries, candidates, values),
            Relevance.Graded(right.shape[0], candidates, queries, values),
            cutoffs,
            similarity,
            chunkSize);
    }

    /// <summary>Ranks candidates for queries, one way: a candidate is relevant to a query when their labels are equal.</summary>
    /// <param name="queries">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="queryLabels">Integer labels of shape <c>(N)</c>, on the features' device.</param>
    /// <param name="candidates">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="candidateLabels">Integer labels of shape <c>(M)</c>, on the features' device.</param>
    /// <param name="k">The k of hit rate, recall, precision and NDCG, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="similarity">What candidates are ranked by; the cosine with a zero row is 0.</param>
    /// <param name="chunkSize">Queries scored at once, at least 1; see <see cref="Retrieval"/>. The result does not depend on it.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, a matrix has no rows, the features hold NaN or infinity, no query has any relevant
    /// candidate, or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1, or the similarity is not defined.</exception>
    /// <example>
    /// <code>
    /// var report = Retrieval.OneWay(queries, queryLabels, gallery, galleryLabels);
    /// Console.WriteLine($"mAP {report.MeanAveragePrecision:F3}, mAP@R {report.MeanAveragePrecisionAtR:F3}");
    /// </code>
    /// </example>
    public static RankingReport OneWay(
        Tensor queries,
        Tensor queryLabels,
        Tensor candidates,
        Tensor candidateLabels,
        IReadOnlyList<int>? k = null,
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        long? chunkSize = null)
    {
        Checks.LabelledSets(queries, queryLabels, 1, candidates, candidateLabels);
        int[] cutoffs = CheckOptions(k, similarity, chunkSize);
        var relevance = Relevance.ById(ClassLabels.Read(queryLabels), ClassLabels.Read(candidateLabels));
        CheckAny(relevance, candidateLabels);
        Checks.Finite(queries);
        Checks.Finite(candidates);
        return Single(queries, candidates, relevance, cutoffs, similarity, chunkSize);
    }

    /// <summary>Ranks all other rows of one set for each row, by label; a row is no candidate for itself.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 2. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="labels">Integer labels of shape <c>(N)</c>, on the features' device.</param>
    /// <param name="k">The k of hit rate, recall, precision and NDCG, each at least 1, in any order; by default 1, 5 and 10.</param>
    /// <param name="similarity">What candidates are ranked by; the cosine with a zero row is 0.</param>
    /// <param name="chunkSize">Queries scored at once, at least 1; see <see cref="Retrieval"/>. The result does not depend on it.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, there are fewer than 2 rows, the features hold NaN or infinity, no
    /// two rows share a label, or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1, or the similarity is not defined.</exception>
    public static RankingReport Within(
        Tensor features,
        Tensor labels,
        IReadOnlyList<int>? k = null,
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        long? chunkSize = null)
    {
        Guard.Features(features);
        Checks.LabelledRows(features, labels, 2);
        int[] cutoffs = CheckOptions(k, similarity, chunkSize);
        long[] ids = ClassLabels.Read(labels);
        var relevance = Relevance.ById(ids, ids, excludeSelf: true);
        CheckAny(relevance, labels);
        Checks.Finite(features);
        return Single(features, features, relevance, cutoffs, similarity, chunkSize);
    }

    private static void Check(Tensor left, Tensor right)
    {
        Guard.Features(left);
        Guard.Features(right);
        Guard.Comparable(left, right);
        Checks.Rows(left, 1);
    }

    private static int[] CheckOptions(IReadOnlyList<int>? k, SimilarityMeasure similarity, long? chunkSize)
    {
        int[] cutoffs = Checks.Cutoffs(k, 1, 5, 10);
        Guard.Defined(similarity);
        Checks.Chunk(chunkSize);
        return cutoffs;
    }

    private static void CheckAny(Relevance relevance, Tensor labels, [CallerArgumentExpression(nameof(labels))] string name = "")
    {
        if (relevance.Pairs == 0)
        {
            throw new ArgumentException(
                $"{name} must be shared by a query and a candidate, but none of the {relevance.Rows} queries has a relevant one", name);
        }
    }

    private static (int[] Queries, int[] Candidates, double[] Grades) CheckPairs(Tensor left, Tensor right, Tensor pairs, Tensor grades)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(grades);
        if (pairs.dim() != 2 || pairs.shape[1] != 2 || pairs.shape[0] == 0)
            throw new ArgumentException($"pairs must have the shape (P, 2) with P at least 1 but have {Guard.Shape(pairs)}", nameof(pairs));
        using var scope = NewDisposeScope();
        Guard.Integers(pairs.reshape(-1), 2 * pairs.shape[0], nameof(pairs));
        Guard.SameDevice(left, pairs);
        Guard.Floating(grades);
        if (grades.dim() != 1 || grades.shape[0] != pairs.shape[0])
            throw new ArgumentException($"grades must have the shape ({pairs.shape[0]}) but have {Guard.Shape(grades)}", nameof(grades));
        Guard.SameDevice(left, grades);

        long[] places = ClassLabels.Read(pairs.reshape(-1));
        double[] values = ScoredRows.Doubles(grades);
        int[] queries = new int[values.Length], candidates = new int[values.Length];
        var seen = new HashSet<(long, long)>();
        for (int pair = 0; pair < values.Length; pair++)
        {
            var (query, candidate) = (places[2 * pair], places[(2 * pair) + 1]);
            if (query < 0 || query >= left.shape[0] || candidate < 0 || candidate >= right.shape[0])
            {
                throw new ArgumentException(
                    $"pairs must lie within {left.shape[0]} left and {right.shape[0]} right rows but has ({query}, {candidate}) at {pair}", nameof(pairs));
            }

            if (!seen.Add((query, candidate)))
                throw new ArgumentException($"pairs has ({query}, {candidate}) twice, the second time at {pair}", nameof(pairs));
            if (!(values[pair] > 0 && double.IsFinite(values[pair])))
                throw new ArgumentException($"grades must be positive and finite but has {values[pair]} at {pair}", nameof(grades));
            (queries[pair], candidates[pair]) = ((int)query, (int)candidate);
        }

        return (queries, candidates, values);
    }

    private static RetrievalReport BothWays(
        Tensor left, Tensor right, Relevance forward, Relevance backward, int[] cutoffs, SimilarityMeasure similarity, long? chunkSize)
    {
        if (forward.Most > CountedRanking.Few || backward.Most > CountedRanking.Few)
        {
            return new RetrievalReport(
                Single(left, right, forward, cutoffs, similarity, chunkSize), Single(right, left, backward, cutoffs, similarity, chunkSize));
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var scores = new RowScores(left, right, similarity);
        var (first, second) = (new QueryRanking(forward, right.shape[0], cutoffs), new QueryRanking(backward, left.shape[0], cutoffs));
        CountedRanking.Run(scores, forward, first, (backward, second), CountedRanking.Tile(chunkSize, left.device));
        return new RetrievalReport(first.Report(), second.Report());
    }

    private static RankingReport Single(
        Tensor queries, Tensor candidates, Relevance relevance, int[] cutoffs, SimilarityMeasure similarity, long? chunkSize)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        bool few = relevance.Most <= CountedRanking.Few;
        var scores = new RowScores(queries, candidates, similarity, allExact: !few);
        var ranking = new QueryRanking(relevance, relevance.ExcludesSelf ? candidates.shape[0] - 1 : candidates.shape[0], cutoffs);
        if (few)
            CountedRanking.Run(scores, relevance, ranking, null, CountedRanking.Tile(chunkSize, queries.device));
        else
            new SortedRanking(scores, relevance, ranking).Run(chunkSize);
        return ranking.Report();
    }
}
