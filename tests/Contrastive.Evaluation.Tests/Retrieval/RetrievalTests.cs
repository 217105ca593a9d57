using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class RetrievalTests
{
    [Fact]
    public void Ranks_recall_and_reciprocal_rank_of_a_case_done_by_hand()
    {
        // Scores <left_i, right_j>, by rows: 3 1 0 | 2 1 4 | 1 0 2
        using var left = Data.Matrix(new double[,] { { 3, 1, 0 }, { 2, 1, 4 }, { 1, 0, 2 } });
        using var right = eye(3, dtype: ScalarType.Float64);

        var report = Retrieval.Evaluate(left, right, k: [2, 1], similarity: SimilarityMeasure.DotProduct);

        report.LeftToRight.Ranks.Should().Equal(1, 3, 1);
        report.LeftToRight.RecallAt.Keys.Should().Equal(1, 2);
        report.LeftToRight.RecallAt[1].Should().BeApproximately(2.0 / 3, 1e-15);
        report.LeftToRight.MeanReciprocalRank.Should().BeApproximately(7.0 / 9, 1e-15);
        report.LeftToRight.MeanRank.Should().BeApproximately(5.0 / 3, 1e-15);
        report.LeftToRight.MedianRank.Should().Be(1);
        report.LeftToRight.ToString().Should().Be("R@1 0.6667, R@2 0.6667, MRR 0.7778, mAP 0.7778, mean rank 1.7, median rank 1.0");

        // By columns: 3 2 1 is rank 1; 1 1 0 ties with one other, rank 1.5; 0 4 2 is rank 2.
        report.RightToLeft.Ranks.Should().Equal(1, 1.5, 2);
        report.RightToLeft.RecallAt[1].Should().BeApproximately(0.5, 1e-15);
        report.RightToLeft.RecallAt[2].Should().Be(1);
        report.RightToLeft.MeanReciprocalRank.Should().BeApproximately((1 + 0.75 + 0.5) / 3, 1e-15);
        report.RightToLeft.MedianRank.Should().Be(1.5);

        report.RecallAt[1].Should().BeApproximately(((2.0 / 3) + 0.5) / 2, 1e-15);
        report.MeanRank.Should().BeApproximately(((5.0 / 3) + 1.5) / 2, 1e-15);
        report.MedianRank.Should().Be(1.25);
        report.ToString().Should().StartWith("R@1 0.5833, R@2 0.8333, MRR ");
    }

    [Fact]
    public void Agrees_with_the_definition_for_any_shape_chunk_and_tie()
        => Gen.Int[1, 9].SelectMany(n => Gen.Int[1, 3].SelectMany(d => Gen.Select(
                Data.Coarse(n, d), Data.Coarse(n, d), Gen.Int[1, 12], Gen.Bool, Data.Types)))
            .Check(
                drawn =>
                {
                    var (x, y, chunk, normalize, type) = drawn;
                    var report = Retrieval.Evaluate(Data.Matrix(x, type), Data.Matrix(y, type), [1, 2, 5], Data.Measure(normalize), chunk);
                    var (a, b) = normalize ? (Data.Unit(x), Data.Unit(y)) : (x, y);
                    AgreeWithDefinition(report.LeftToRight, a, b);
                    AgreeWithDefinition(report.RightToLeft, b, a);
                },
                200);

    /// <summary>The average over all places that the true match can take among its ties.</summary>
    private static void AgreeWithDefinition(RankingReport scores, double[,] queries, double[,] candidates)
    {
        int n = queries.GetLength(0);
        double reciprocal = 0;
        var hits = new Dictionary<int, double> { [1] = 0, [2] = 0, [5] = 0 };
        for (int i = 0; i < n; i++)
        {
            double match = Data.Dot(queries, i, candidates, i);
            double[] others = [.. Enumerable.Range(0, n).Where(j => j != i).Select(j => Data.Dot(queries, i, candidates, j))];
            int above = others.Count(score => score > match + 1e-12);
            int tied = others.Count(score => Math.Abs(score - match) <= 1e-12);
            int[] places = [.. Enumerable.Range(above + 1, tied + 1)];
            scores.Ranks[i].Should().BeApproximately(places.Average(), 1e-12);
            reciprocal += places.Average(place => 1.0 / place) / n;
            foreach (int k in hits.Keys)
                hits[k] += places.Average(place => place <= k ? 1.0 : 0.0) / n;
        }

        scores.MeanReciprocalRank.Should().BeApproximately(reciprocal, 1e-12);
        scores.MeanRank.Should().BeApproximately(scores.Ranks.Average(), 1e-12);
        foreach (var (k, hit) in hits)
            scores.RecallAt[k].Should().BeApproximately(hit, 1e-12);
    }

    public static TheoryData<ScalarType, long, long, long?> Collapses()
    {
        var data = new TheoryData<ScalarType, long, long, long?>();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var (rows, columns) in new[] { (257L, 3L), (130L, 300L), (33L, 768L), (100L, 1536L) })
            {
                foreach (long? chunk in new long?[] { null, 1, 50 })
                    data.Add(type, rows, columns, chunk);
            }
        }

        data.Add(ScalarType.Float16, 130, 300, null);
        data.Add(ScalarType.BFloat16, 130, 300, null);
        return data;
    }

    [Theory]
    [MemberData(nameof(Collapses))]
    public void Collapsed_features_score_at_chance(ScalarType type, long rows, long columns, long? chunkSize)
    {
        using var scope = NewDisposeScope();
        var constant = ones(1, columns, dtype: type);
        var random = Data.Normal(1, columns, 3, type);
        foreach (var one in new[] { constant, random })
        {
            foreach (bool normalize in new[] { true, false })
            {
                var features = one.expand(rows, columns).contiguous();
                var report = Retrieval.Evaluate(features, features, [1, 10], Data.Measure(normalize), chunkSize);
                foreach (var scores in new[] { report.LeftToRight, report.RightToLeft })
                {
                    scores.Ranks.Distinct().Should().Equal((rows + 1) / 2.0);
                    scores.RecallAt[1].Should().BeApproximately(1.0 / rows, 1e-12);
                    scores.RecallAt[10].Should().BeApproximately(10.0 / rows, 1e-12);
                    scores.MeanReciprocalRank.Should().BeApproximately(
                        Enumerable.Range(1, (int)rows).Average(place => 1.0 / place), 1e-12);
                }
            }
        }
    }

    [Fact]
    public void Duplicates_share_their_places()
    {
        using var scope = NewDisposeScope();
        var distinct = Data.Normal(40, 64, 1, ScalarType.Float32);
        var twice = cat([distinct, distinct.mul(2.7)]);
        var report = Retrieval.Evaluate(twice, twice, chunkSize: 7);
        report.LeftToRight.Ranks.Distinct().Should().Equal(1.5);
        report.RecallAt[1].Should().Be(0.5);
        report.RecallAt[5].Should().Be(1);
    }

    [Fact]
    public void Zero_rows_are_similar_to_nothing()
    {
        using var scope = NewDisposeScope();
        var left = Data.Matrix(new double[,] { { 0, 0 }, { 0, 1 }, { 1, 0 } });
        var report = Retrieval.Evaluate(left, left);
        report.LeftToRight.Ranks.Should().Equal(2, 1, 1);
        Retrieval.Evaluate(zeros(5, 3), zeros(5, 3), similarity: SimilarityMeasure.DotProduct).MeanRank.Should().Be(3);
    }

    [Fact]
    public void One_pair_is_found()
    {
        using var x = ones(1, 2);
        var report = Retrieval.Evaluate(x, x);
        report.RecallAt.Keys.Should().Equal(1, 5, 10);
        (report.MeanReciprocalRank, report.MeanRank, report.MedianRank).Should().Be((1, 1, 1));
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Half_precision_is_computed_in_float32(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor left = Data.Normal(60, 16, 1, type), right = Data.Normal(60, 16, 2, type);
        var half = Retrieval.Evaluate(left, right);
        var single = Retrieval.Evaluate(left.to_type(ScalarType.Float32), right.to_type(ScalarType.Float32));
        half.LeftToRight.Ranks.Should().Equal(single.LeftToRight.Ranks);
        half.RightToLeft.Ranks.Should().Equal(single.RightToLeft.Ranks);
    }

    [Fact]
    public void Float64_stays_float64()
    {
        using var scope = NewDisposeScope();
        var left = Data.Matrix(new double[,] { { 1, 0 }, { 1, 0 } });
        var right = Data.Matrix(new double[,] { { 1, 0 }, { 1 + 1e-12, 0 } });
        Retrieval.Evaluate(left, right, similarity: SimilarityMeasure.DotProduct).LeftToRight.Ranks.Should().Equal(2, 1);
    }

    [Theory]
    [InlineData(1e30)]
    [InlineData(1e-30)]
    public void Very_large_and_very_small_features_rank_as_others_do(double scale)
    {
        using var scope = NewDisposeScope();
        Tensor left = Data.Normal(30, 8, 1, ScalarType.Float32), right = Data.Normal(30, 8, 2, ScalarType.Float32);
        foreach (bool normalize in new[] { true, false })
        {
            Retrieval.Evaluate(left.mul(scale), right.mul(scale), similarity: Data.Measure(normalize)).LeftToRight.Ranks
                .Should().Equal(Retrieval.Evaluate(left, right, similarity: Data.Measure(normalize)).LeftToRight.Ranks);
        }
    }

    [Fact]
    public void Strides_and_required_gradients_do_not_matter()
    {
        using var scope = NewDisposeScope();
        Tensor left = Data.Normal(20, 5, 1), right = Data.Normal(20, 5, 2);
        var plain = Retrieval.Evaluate(left, right);
        var strided = Retrieval.Evaluate(Data.Strided(left).requires_grad_(), Data.Strided(right), chunkSize: 6);
        strided.LeftToRight.Ranks.Should().Equal(plain.LeftToRight.Ranks);
        strided.RightToLeft.Ranks.Should().Equal(plain.RightToLeft.Ranks);
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using Tensor left = Data.Normal(20, 5, 1, ScalarType.Float16), right = Data.Normal(20, 5, 2, ScalarType.Float16);
        Data.LeftBehind(() => Retrieval.Evaluate(left, right, chunkSize: 3)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_it_cannot_rank()
    {
        using var scope = NewDisposeScope();
        var x = ones(4, 3);
        Refuses(() => Retrieval.Evaluate(null!, x), "left");
        Refuses(() => Retrieval.Evaluate(x, null!), "right");
        Refuses(() => Retrieval.Evaluate(x, ones(5, 3)), "right", "4 rows", "5");
        Refuses(() => Retrieval.Evaluate(x, ones(4, 2)), "right", "3 features", "2");
        Refuses(() => Retrieval.Evaluate(x, ones(4, 3, dtype: ScalarType.Float64)), "right", "Float32", "Float64");
        Refuses(() => Retrieval.Evaluate(ones(4, dtype: ScalarType.Float32), x), "left", "(N, D)", "(4)");
        Refuses(() => Retrieval.Evaluate(ones(4, 3, dtype: ScalarType.Int64), x), "left", "float32", "Int64");
        Refuses(() => Retrieval.Evaluate(ones(0, 3), ones(0, 3)), "left", "at least 1 rows", "0");
        Refuses(() => Retrieval.Evaluate(x, x, []), "k", "0 values", "1");
        Refuses(() => Retrieval.Evaluate(x, x, [5, 0]), "k", "at least 1", "0");
        Refuses(() => Retrieval.Evaluate(x, x, chunkSize: 0), "chunkSize", "at least 1", "0");

        var nan = x.clone();
        nan[1, 2] = tensor(float.NaN);
        Refuses(() => Retrieval.Evaluate(nan, x), "left", "1 values of 12", "NaN");
        Refuses(() => Retrieval.Evaluate(x, nan.mul(float.PositiveInfinity)), "right", "12 values of 12");
    }

    internal static void Refuses(Action action, string argument, params string[] parts)
    {
        var error = action.Should().Throw<ArgumentException>().Which;
        error.ParamName.Should().Be(argument);
        foreach (string part in parts)
            error.Message.Should().Contain(part);
    }
}
