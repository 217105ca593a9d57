using CsCheck;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class MeanAveragePrecisionTests
{
    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // One query of label 1; candidates at 4, 3, 2, 1, relevant first, third and fourth: (1/1 + 2/3 + 3/4) / 3.
        var candidates = Data.Matrix(new double[,] { { 4 }, { 3 }, { 2 }, { 1 } });
        var report = Retrieval.OneWay(
            Data.Matrix(new double[,] { { 1 }, { 1 } }),
            tensor(new long[] { 1, 7 }),
            candidates,
            tensor(new[] { 1, 0, 1, 1 }),
            similarity: SimilarityMeasure.DotProduct);
        report.MeanAveragePrecision.Should().BeApproximately((1 + (2.0 / 3) + 0.75) / 3, 1e-15);
        (report.Queries, report.Skipped).Should().Be((1, 1));
    }

    [Fact]
    public void Reports_tell_of_each_query_that_counts()
    {
        using var scope = NewDisposeScope();
        var candidates = Data.Matrix(new double[,] { { 2 }, { 1 } });
        RankingReport Of(params long[] labels) => Retrieval.OneWay(
            ones(labels.Length, 1, dtype: ScalarType.Float64), tensor(labels), candidates, tensor(new long[] { 1, 0 }), similarity: SimilarityMeasure.DotProduct);
        var report = Of(1, 7, 0);
        report.AveragePrecisions.Should().Equal(1, 0.5);
        report.ToString().Should().Be("R@1 0.5000, R@5 1.0000, R@10 1.0000, MRR 0.7500, mAP 0.7500, mean rank 1.5, median rank 1.5, 1 skipped");
        (report.Rows, report.SkippedRows).Should().BeEquivalentTo((new[] { 0, 2 }, new[] { 1 }));
        Of(0, 7, 1).AveragePrecisions.Should().Equal(0.5, 1);
    }

    [Fact]
    public void Tied_candidates_count_as_the_expected_value()
    {
        using var scope = NewDisposeScope();
        double Of(double[] scores, long[] labels) => Retrieval.OneWay(
            ones(1, 1, dtype: ScalarType.Float64), tensor(new long[] { 1 }), tensor(scores).unsqueeze(1), tensor(labels), similarity: SimilarityMeasure.DotProduct).MeanAveragePrecision;
        Of([2, 2], [1, 0]).Should().BeApproximately((1 + 0.5) / 2, 1e-15, "the relevant one is first or second");
        // 3 is above; of the orders of 2, 2, 2 the irrelevant one is first, second or third; 1 is below.
        double[] orders = [(1 / 3.0) + (2 / 4.0), (1 / 2.0) + (2 / 4.0), (1 / 2.0) + (2 / 3.0)];
        Of([3, 2, 2, 2, 1], [0, 1, 1, 0, 1]).Should().BeApproximately((orders.Average() + 0.6) / 3, 1e-15);
    }

    [Fact]
    public void Agrees_with_the_definition_for_any_shape_chunk_and_tie()
        => Gen.Int[1, 7].SelectMany(n => Gen.Int[1, 9].SelectMany(m => Gen.Int[1, 3].SelectMany(d => Gen.Select(
                Data.Coarse(n, d),
                Data.Coarse(m, d),
                Gen.Long[0, 3].Array[n],
                Gen.Long[0, 2].Array[m],
                Gen.Int[1, 9],
                Gen.Bool,
                Data.Types))))
            .Check(
                drawn =>
                {
                    var (x, y, xLabels, yLabels, chunk, normalize, type) = drawn;
                    var (a, b) = normalize ? (Data.Unit(x), Data.Unit(y)) : (x, y);
                    double?[] expected = [.. xLabels.Select((label, i) => AveragePrecision(
                        [.. yLabels.Select((other, j) => (Data.Dot(a, i, b, j), other == label))]))];
                    Func<RankingReport> evaluate = () => Retrieval.OneWay(
                        Data.Matrix(x, type), tensor(xLabels), Data.Matrix(y, type), tensor(yLabels), null, Data.Measure(normalize), chunk);
                    Agrees(evaluate, expected, "candidateLabels");
                },
                200);

    [Fact]
    public void Within_one_set_a_row_is_no_candidate_for_itself()
        => Gen.Int[2, 9].SelectMany(n => Gen.Int[1, 3].SelectMany(d => Gen.Select(
                Data.Coarse(n, d), Gen.Long[0, 2].Array[n], Gen.Int[1, 9], Gen.Bool, Data.Types)))
            .Check(
                drawn =>
                {
                    var (x, labels, chunk, normalize, type) = drawn;
                    var a = normalize ? Data.Unit(x) : x;
                    double?[] expected = [.. labels.Select((label, i) => AveragePrecision(
                        [.. labels.Select((other, j) => (Data.Dot(a, i, a, j), other == label)).Where((_, j) => j != i)]))];
                    Agrees(
                        () => Retrieval.Within(Data.Matrix(x, type), tensor(labels), null, Data.Measure(normalize), chunk),
                        expected,
                        "labels");
                },
                200);

    private static void Agrees(Func<RankingReport> evaluate, double?[] expected, string labels)
    {
        if (expected.All(value => value is null))
        {
            Refuses(() => evaluate(), labels, $"none of the {expected.Length} queries");
            return;
        }

        var report = evaluate();
        report.MeanAveragePrecision.Should().BeApproximately(expected.Average()!.Value, 1e-12);
        report.AveragePrecisions.Zip(expected.OfType<double>())
            .Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-12);
        report.Queries.Should().Be(expected.Count(value => value is not null));
        report.Skipped.Should().Be(expected.Count(value => value is null));
    }

    /// <summary>
    /// The mean over the relevant candidates of the precision at each, in the mean over all orders of those that tie with it: the
    /// others among them stand before it or not, and each number of them before it is as likely.
    /// </summary>
    internal static double? AveragePrecision((double Score, bool Relevant)[] candidates, double tie = 1e-12)
    {
        int total = candidates.Count(candidate => candidate.Relevant);
        if (total == 0)
            return null;

        double sum = 0;
        for (int i = 0; i < candidates.Length; i++)
        {
            if (!candidates[i].Relevant)
                continue;
            var above = candidates.Where(other => other.Score > candidates[i].Score + tie).ToArray();
            var tied = candidates.Where((other, j) => j != i && Math.Abs(other.Score - candidates[i].Score) <= tie).ToArray();
            double expected = 0, weights = 0;
            for (int before = 0; before < 1 << tied.Length; before++)
            {
                var first = tied.Where((_, j) => (before >> j & 1) == 1).ToArray();
                // Of all orders, those with this set before and the rest behind.
                double weight = Factorial(first.Length) * Factorial(tied.Length - first.Length);
                double relevant = 1 + above.Concat(first).Count(other => other.Relevant);
                expected += weight * relevant / (1 + above.Length + first.Length);
                weights += weight;
            }

            sum += expected / weights;
        }

        return sum / total;

        static double Factorial(int n) => Enumerable.Range(1, n).Aggregate(1.0, (product, factor) => product * factor);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Collapsed_features_score_what_a_random_order_scores(ScalarType type)
    {
        using var scope = NewDisposeScope();
        foreach (long? chunk in new long?[] { null, 1, 20 })
        {
            var features = ones(100, 768, dtype: type);
            var labels = arange(100, dtype: ScalarType.Int32).remainder(2);
            // 49 of the 99 others are relevant; at the first place the precision is 1, later it nears their share.
            double first = Enumerable.Range(1, 99).Average(place => 1.0 / place);
            Retrieval.Within(features, labels, chunkSize: chunk).MeanAveragePrecision.Should().BeApproximately(
                first + ((1 - first) * 48 / 98), 1e-12);
        }
    }

    [Fact]
    public void Separated_classes_score_1_whatever_the_strides()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 1, 0, 1 });
        var features = Data.Strided(Data.Matrix(new double[,] { { 1, 0, 0 }, { 0, 1, 0 }, { 2, 0.1, 0 }, { 0, 3, 0.1 } }));
        Retrieval.Within(features, labels).MeanAveragePrecision.Should().Be(1);
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using Tensor x = Data.Normal(20, 5, 1), labels = arange(20).remainder(3).to_type(ScalarType.Int32);
        Data.LeftBehind(() => Retrieval.Within(x, labels, chunkSize: 3)).Should().Be(0);
        Data.LeftBehind(() => Retrieval.OneWay(x, labels, x, labels)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_it_cannot_score()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones(4, 3), labels = tensor(new long[] { 0, 0, 1, 1 });
        Refuses(() => Retrieval.Within(x, null!), "labels");
        Refuses(() => Retrieval.Within(x, tensor(new long[] { 1, 2, 3 })), "labels", "(4)", "(3)");
        Refuses(() => Retrieval.Within(x, ones(4)), "labels", "integers", "Float32");
        Refuses(() => Retrieval.Within(ones(1, 3), tensor(new long[] { 1 })), "features", "at least 2 rows", "1");
        Refuses(() => Retrieval.Within(x, tensor(new long[] { 1, 2, 3, 4 })), "labels", "none of the 4 queries");
        Refuses(() => Retrieval.Within(x, labels, chunkSize: -1), "chunkSize", "at least 1", "-1");
        Refuses(() => Retrieval.OneWay(x, labels, ones(4, 2), labels), "candidates", "3 features", "2");
        Refuses(() => Retrieval.OneWay(x, labels, ones(0, 3), labels), "candidates", "at least 1 rows", "0");
        Refuses(() => Retrieval.OneWay(x, labels, x, tensor(new long[] { 1 })), "candidateLabels", "(4)", "(1)");
        Refuses(() => Retrieval.OneWay(x, labels, full(4, 3, float.NaN), labels), "candidates", "12 values of 12");
        Refuses(() => Retrieval.Within(full(4, 3, float.NaN), labels), "features", "12 values of 12");
    }
}
