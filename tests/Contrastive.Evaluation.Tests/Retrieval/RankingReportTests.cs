using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

/// <summary>Every measure against its published definition, by hand, and over all orders of what ties.</summary>
public class RankingReportTests
{
    private const double Near = 1e-12;

    /// <summary>One query; candidates in the order of their scores.</summary>
    private static RankingReport Of(double[] scores, bool[] relevant, params int[] k) => Retrieval.OneWay(
        ones(1, 1, dtype: ScalarType.Float64),
        ones(1, dtype: ScalarType.Int64),
        tensor(scores).unsqueeze(1),
        tensor(relevant.Select(one => one ? 1L : 0).ToArray()),
        k.Length == 0 ? null : k,
        SimilarityMeasure.DotProduct);

    [Fact]
    public void All_measures_of_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // Relevant at the ranks 1, 3 and 6 of 6: R = 3.
        var report = Of([6, 5, 4, 3, 2, 1], [true, false, true, false, false, true], 1, 3, 10);
        report.HitRateAt[1].Should().Be(1);
        report.RecallAt[1].Should().BeApproximately(1 / 3.0, Near);
        report.RecallAt[3].Should().BeApproximately(2 / 3.0, Near);
        report.RecallAt[10].Should().Be(1);
        report.PrecisionAt[1].Should().Be(1);
        report.PrecisionAt[3].Should().BeApproximately(2 / 3.0, Near);
        report.PrecisionAt[10].Should().BeApproximately(3 / 10.0, Near);
        report.MeanReciprocalRank.Should().Be(1);
        report.RPrecision.Should().BeApproximately(2 / 3.0, Near);
        report.MeanAveragePrecision.Should().BeApproximately((1 + (2 / 3.0) + (3 / 6.0)) / 3, Near);
        report.MeanAveragePrecisionAtR.Should().BeApproximately((1 + (2 / 3.0)) / 3, Near);
        double ideal = 1 + (1 / Math.Log2(3)) + (1 / Math.Log2(4));
        report.NdcgAt[1].Should().BeApproximately(1, Near);
        report.NdcgAt[3].Should().BeApproximately((1 + (1 / Math.Log2(4))) / ideal, Near);
        report.Ndcg.Should().BeApproximately((1 + (1 / Math.Log2(4)) + (1 / Math.Log2(7))) / ideal, Near);
        report.NdcgAt[10].Should().BeApproximately(report.Ndcg, Near);
        (report.MeanRank, report.MedianRank).Should().Be((1, 1));
        report.RecallsAt(3).Should().Equal(report.RecallAt[3]);
        report.PrecisionsAt(3).Should().Equal(report.PrecisionAt[3]);
        report.NdcgsAt(3).Should().Equal(report.NdcgAt[3]);
    }

    /// <summary>
    /// pytorch-metric-learning's (216a792) with k = None and CustomKNN of cosines. With k = "max_bin_count" its mAP is 0.378 and its MRR 0.667:
    /// they look at no more than R rows.
    /// </summary>
    [Fact]
    public void The_figures_of_pytorch_metric_learnings_AccuracyCalculator_come_out()
    {
        using var scope = NewDisposeScope();
        var references = tensor(new long[] { 0, 1, 2, 0, 1, 2, 0 });
        var report = Retrieval.OneWay(Rows(5, 1), tensor(new long[] { 0, 1, 0, 2, 1 }), Rows(7, 2), references);
        Figures(report).Should().Equal([0.6, 0.3, 0.2777777777777777, 0.5713492063492063, 0.7166666666666667], (x, y) => Math.Abs(x - y) < Near);
        Figures(Retrieval.Within(Rows(7, 2), references))
            .Should().Equal([3 / 7.0, 3 / 7.0, 0.39285714285714285, 0.6214285714285713, 0.6714285714285715], (x, y) => Math.Abs(x - y) < Near);

        static double[] Figures(RankingReport report)
            => [report.PrecisionAt[1], report.RPrecision, report.MeanAveragePrecisionAtR, report.MeanAveragePrecision, report.MeanReciprocalRank];

        static Tensor Rows(int count, double phase)
        {
            var numbers = new double[count, 3];
            for (var i = 0; i < count; i++)
                for (var j = 0; j < 3; j++)
                    numbers[i, j] = Math.Sin((1.3 * i * i) + (2.1 * j * (i + 1)) + phase);
            return tensor(numbers);
        }
    }

    [Fact]
    public void The_examples_of_torchmetrics_come_out()
    {
        using var scope = NewDisposeScope();
        var report = Of([0.2, 0.3, 0.5], [true, false, true], 2);
        report.MeanAveragePrecision.Should().BeApproximately(0.8333, 5e-5);
        report.PrecisionAt[2].Should().BeApproximately(0.5, Near);
        report.RecallAt[2].Should().BeApproximately(0.5, Near);
        report.RPrecision.Should().BeApproximately(0.5, Near);
        Of([0.2, 0.3, 0.5], [false, true, false], 2).MeanReciprocalRank.Should().BeApproximately(0.5, Near);
        Of([0.2, 0.3, 0.5], [true, true, true], 2).HitRateAt[2].Should().Be(1);
    }

    [Fact]
    public void Grades_count_in_ndcg_alone()
    {
        using var scope = NewDisposeScope();
        // torchmetrics' example: scores .1 .2 .3 4 70, grades 10 0 0 1 5.
        var candidates = tensor(new[] { 0.1, 0.2, 0.3, 4, 70 }).unsqueeze(1);
        var pairs = tensor(new long[,] { { 0, 0 }, { 0, 3 }, { 0, 4 } });
        var report = Retrieval.Graded(
            ones(1, 1, dtype: ScalarType.Float64), candidates, pairs, tensor(new double[] { 10, 1, 5 }), [2], SimilarityMeasure.DotProduct);
        report.LeftToRight.Ndcg.Should().BeApproximately(0.6957, 5e-5);
        report.LeftToRight.NdcgAt[2].Should().BeApproximately((5 + (1 / Math.Log2(3))) / (10 + (5 / Math.Log2(3))), Near);
        report.LeftToRight.RecallAt[2].Should().BeApproximately(2 / 3.0, Near);
        // Each candidate has a single query: those with a grade find it.
        report.RightToLeft.Rows.Should().Equal(0, 3, 4);
        report.RightToLeft.SkippedRows.Should().Equal(1, 2);
        report.RightToLeft.Ndcg.Should().BeApproximately(1, Near);
        // Pairs as nonzero() gives them on some devices: not contiguous.
        Retrieval.Graded(ones(1, 1, dtype: ScalarType.Float64), candidates, pairs.t().contiguous().t(), tensor(new double[] { 10, 1, 5 }), [2], SimilarityMeasure.DotProduct)
            .LeftToRight.Ndcg.Should().Be(report.LeftToRight.Ndcg);
    }

    [Fact]
    public void Skipped_queries_are_named_so_that_groups_line_up()
    {
        using var scope = NewDisposeScope();
        var report = Retrieval.OneWay(
            eye(4, dtype: ScalarType.Float64), tensor(new long[] { 5, 1, 7, 2 }), eye(4, dtype: ScalarType.Float64), tensor(new long[] { 1, 1, 2, 2 }));
        report.Rows.Should().Equal(1, 3);
        report.SkippedRows.Should().Equal(0, 2);
        (report.Queries, report.Skipped).Should().Be((2, 2));
        long[] pictures = [0, 0, 1, 1];
        Bootstrap.Mean(report.AveragePrecisions, [.. report.Rows.Select(row => pictures[row])], resamples: 50).Estimate
            .Should().BeApproximately(report.MeanAveragePrecision, Near);
        report.ToString().Should().EndWith(", 2 skipped");
    }

    [Fact]
    public void Every_measure_is_the_mean_over_the_orders_of_what_ties()
        => Gen.Int[1, 6].SelectMany(m => Gen.Select(Gen.Int[0, 2].Array[m], Gen.Int[0, 3].Array[m], Gen.Int[1, 7]))
            .Check(
                drawn =>
                {
                    var (scores, grades, k) = drawn;
                    if (grades.All(grade => grade == 0)) return;
                    int[] places = [.. Enumerable.Range(0, scores.Length)];
                    var orders = Permutations(places).Where(order => order.Zip(order.Skip(1)).All(pair => scores[pair.First] >= scores[pair.Second])).ToArray();
                    double Mean(Func<int[], double> of) => orders.Average(order => of([.. order.Select(place => grades[place])]));

                    int[] relevant = [.. places.Where(place => grades[place] > 0)];
                    var pairs = tensor(relevant.SelectMany(place => (long[])[0, place]).ToArray()).view(-1, 2);
                    var report = Retrieval.Graded(
                        ones(1, 1), tensor(scores.Select(score => (float)score).ToArray()).unsqueeze(1), pairs,
                        tensor(relevant.Select(place => (double)grades[place]).ToArray()), [k], SimilarityMeasure.DotProduct).LeftToRight;
                    void Is(double actual, Func<int[], double> of) => actual.Should().BeApproximately(Mean(of), 1e-9);

                    int r = relevant.Length;
                    Is(report.HitRateAt[k], order => order.Take(k).Any(grade => grade > 0) ? 1 : 0);
                    Is(report.RecallAt[k], order => order.Take(k).Count(grade => grade > 0) / (double)r);
                    Is(report.PrecisionAt[k], order => order.Take(k).Count(grade => grade > 0) / (double)k);
                    Is(report.RPrecision, order => order.Take(r).Count(grade => grade > 0) / (double)r);
                    Is(report.MeanReciprocalRank, order => 1.0 / (1 + Array.FindIndex(order, grade => grade > 0)));
                    Is(report.MeanRank, order => 1 + Array.FindIndex(order, grade => grade > 0));
                    Is(report.MeanAveragePrecision, order => PrecisionSum(order, order.Length) / r);
                    Is(report.MeanAveragePrecisionAtR, order => PrecisionSum(order, r) / r);
                    Is(report.NdcgAt[k], order => Dcg(order, k) / Dcg([.. grades.OrderDescending()], k));
                    Is(report.Ndcg, order => Dcg(order, order.Length) / Dcg([.. grades.OrderDescending()], order.Length));
                },
                150);

    private static double PrecisionSum(int[] order, int most) => Enumerable.Range(1, order.Length)
        .Where(i => i <= most && order[i - 1] > 0)
        .Sum(i => order.Take(i).Count(grade => grade > 0) / (double)i);

    private static double Dcg(int[] order, int k) => order.Take(k).Select((grade, i) => grade / Math.Log2(i + 2)).Sum();

    private static IEnumerable<int[]> Permutations(int[] items) => items.Length <= 1
        ? [items]
        : items.SelectMany(first => Permutations([.. items.Where(item => item != first)]).Select(rest => (int[])[first, .. rest]));

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Counting_and_sorting_come_to_the_same(ScalarType type)
        => Gen.Int[2, 12].SelectMany(n => Gen.Int[2, 12].SelectMany(m => Gen.Select(
                Data.Coarse(n, 2), Data.Coarse(m, 2), Gen.Long[0, 2].Array[n], Gen.Long[0, 2].Array[m], Gen.Bool, Gen.Bool)))
            .Check(
                drawn =>
                {
                    var (x, y, xLabels, yLabels, normalize, within) = drawn;
                    using var noGrad = no_grad();
                    var (left, right) = (Data.Matrix(x, type), within ? null! : Data.Matrix(y, type));
                    var relevance = within ? Relevance.ById(xLabels, xLabels, excludeSelf: true) : Relevance.ById(xLabels, yLabels);
                    if (relevance.Pairs == 0) return;
                    right ??= left;
                    int candidates = (int)right.shape[0] - (within ? 1 : 0);
                    var kind = normalize ? SimilarityMeasure.Cosine : SimilarityMeasure.DotProduct;
                    var (counted, sorted) = (new QueryRanking(relevance, candidates, [1, 3]), new QueryRanking(relevance, candidates, [1, 3]));
                    CountedRanking.Run(new RowScores(left, right, kind), relevance, counted, null, (3, 5));
                    new SortedRanking(new RowScores(left, right, kind, allExact: true), relevance, sorted).Run(4);
                    var (one, other) = (counted.Report(), sorted.Report());
                    void Same(Func<RankingReport, IEnumerable<double>> of)
                        => of(one).Zip(of(other)).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < Near);
                    Same(report => report.Ranks);
                    Same(report => report.ReciprocalRanks);
                    Same(report => report.AveragePrecisions);
                    Same(report => report.AveragePrecisionsAtR);
                    Same(report => report.RPrecisions);
                    Same(report => report.NdcgOfQueries);
                    Same(report => report.RecallsAt(3));
                    Same(report => report.HitsAt(1));
                    one.SkippedRows.Should().Equal(other.SkippedRows);
                },
                150);

    [Fact]
    public void More_than_a_few_relevant_candidates_are_sorted_and_rank_alike()
    {
        using var scope = NewDisposeScope();
        // 100 of each of 3 labels: sorted. The same features with the labels split in 20: counted.
        Tensor x = Data.Normal(300, 8, 1, ScalarType.Float32), labels = arange(300).remainder(3);
        var report = Retrieval.Within(x, labels, [5]);
        var exact = Retrieval.Within(x.to_type(ScalarType.Float64), labels, [5], chunkSize: 7);
        report.AveragePrecisions.Zip(exact.AveragePrecisions).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-4);
        report.PrecisionAt[5].Should().BeInRange(0.2, 0.5);
        var both = Retrieval.Evaluate(x, labels, x, labels, [5]);
        both.LeftToRight.AveragePrecisions.Should().Equal(both.RightToLeft.AveragePrecisions);
        Data.LeftBehind(() => Retrieval.Within(x, labels, [5])).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_it_cannot_grade()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones(3, 2), y = ones(4, 2), one = ones(1);
        void Graded(Tensor pairs, Tensor grades) => Retrieval.Graded(x, y, pairs, grades);
        var pair = tensor(new long[,] { { 0, 1 } });
        Refuses(() => Graded(null!, one), "pairs");
        Refuses(() => Graded(pair, null!), "grades");
        Refuses(() => Graded(tensor(new long[] { 0, 1 }), one), "pairs", "(P, 2)", "(2)");
        Refuses(() => Graded(ones(1, 2), one), "pairs", "integers", "Float32");
        Refuses(() => Graded(tensor(new long[,] { { 0, 4 } }), one), "pairs", "4 right rows", "(0, 4) at 0");
        Refuses(() => Graded(tensor(new long[,] { { 0, 1 }, { 0, 1 } }), ones(2)), "pairs", "(0, 1) twice");
        Refuses(() => Graded(pair, ones(2)), "grades", "(1)", "(2)");
        Refuses(() => Graded(pair, zeros(1)), "grades", "positive", "0 at 0");
        Refuses(() => Retrieval.Evaluate(x, x).LeftToRight.RecallsAt(2), "k", "1, 5, 10", "2");
        Refuses(() => Retrieval.Evaluate(x, x, similarity: (SimilarityMeasure)9), "similarity", "9");
    }

    private static void Refuses(Action action, string argument, params string[] parts) => RetrievalTests.Refuses(action, argument, parts);
}
