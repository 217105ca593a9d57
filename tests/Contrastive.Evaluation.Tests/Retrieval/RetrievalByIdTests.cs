using CsCheck;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class RetrievalByIdTests
{
    [Fact]
    public void Ranks_of_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // Two pictures, three captions: the first two of picture 7, the last of picture 5. Scores by rows: 3 1 2 | 0 4 1
        var pictures = Data.Matrix(new double[,] { { 3, 1, 2 }, { 0, 4, 1 } });
        var captions = eye(3, dtype: ScalarType.Float64);
        var report = Retrieval.Evaluate(
            pictures, tensor(new long[] { 7, 5 }), captions, tensor(new[] { 7, 7, 5 }), k: [1, 2], similarity: SimilarityMeasure.DotProduct);

        // Picture 7 finds its caption 0 first, picture 5 its caption 2 second (4 is above 1).
        report.LeftToRight.Ranks.Should().Equal(1, 2);
        report.LeftToRight.HitRateAt[1].Should().Be(0.5);
        report.LeftToRight.HitRateAt[2].Should().Be(1);
        (report.LeftToRight.MeanRank, report.LeftToRight.MedianRank).Should().Be((1.5, 1.5));
        report.LeftToRight.MeanReciprocalRank.Should().Be(0.75);

        // Captions 0 (3 against 0) and 2 (1 against 2), then caption 1 (1 against 4).
        report.RightToLeft.Ranks.Should().Equal(1, 2, 2);
        report.RightToLeft.HitsAt(1).Should().Equal(1, 0, 0);
        report.RightToLeft.HitsAt(2).Should().Equal(1, 1, 1);
        report.RightToLeft.ReciprocalRanks.Should().Equal(1, 0.5, 0.5);
        (report.LeftToRight.Skipped, report.RightToLeft.Skipped).Should().Be((0, 0));
    }

    [Fact]
    public void Two_matches_and_two_others_at_one_score_share_the_first_places()
    {
        using var scope = NewDisposeScope();
        var one = ones(1, 2, dtype: ScalarType.Float64);
        var four = ones(4, 2, dtype: ScalarType.Float64);
        var scores = Retrieval.Evaluate(one, tensor(new[] { 1 }), four, tensor(new[] { 1, 0, 1, 0 }), [1, 2, 3]).LeftToRight;
        // The first match of four places in random order is at 1, 2 or 3 in 3, 2 and 1 of 6 cases.
        scores.Ranks.Should().Equal(1 + (2 / 3.0));
        scores.HitRateAt[1].Should().BeApproximately(3 / 6.0, 1e-15);
        scores.HitRateAt[2].Should().BeApproximately(5 / 6.0, 1e-15);
        scores.HitRateAt[3].Should().Be(1);
        scores.MeanReciprocalRank.Should().BeApproximately(((3 * 1) + (2 / 2.0) + (1 / 3.0)) / 6, 1e-15);
    }

    [Theory]
    [InlineData(40)]     // 1280 matches: a block of 1024 and the rest
    [InlineData(32)]     // 1024: a block and no rest
    public void More_matches_than_are_scored_at_once_are_scored_all_the_same(int rows)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor Features(long count) => randint(-2, 3, [count, 2], dtype: ScalarType.Float64, generator: generator);
        var (left, right) = (Features(rows), Features(64));
        var (leftIds, rightIds) = (arange(rows).remainder(2), arange(64).remainder(2));
        // The same scores, of features so wide that only 1024 pairs are taken at once.
        Tensor Wide(Tensor features) => cat([features, zeros(features.shape[0], 1022, dtype: ScalarType.Float64)], 1);
        var expected = Retrieval.Evaluate(left, leftIds, right, rightIds, similarity: SimilarityMeasure.DotProduct);
        var report = Retrieval.Evaluate(Wide(left), leftIds, Wide(right), rightIds, similarity: SimilarityMeasure.DotProduct);
        report.LeftToRight.Ranks.Should().Equal(expected.LeftToRight.Ranks);
        report.RightToLeft.Ranks.Should().Equal(expected.RightToLeft.Ranks);
        expected.RightToLeft.Ranks.Distinct().Count().Should().BeGreaterThan(3);
    }

    [Fact]
    public void Agrees_with_the_definition_for_any_shape_tile_and_tie()
        => Gen.Int[1, 7].SelectMany(n => Gen.Int[1, 7].SelectMany(m => Gen.Int[1, 3].SelectMany(d => Gen.Select(
                Data.Coarse(n, d),
                Data.Coarse(m, d),
                Gen.Long[-1, 2].Array[n],
                Gen.Long[-1, 2].Array[m],
                Gen.Bool,
                Gen.Int[1, 8],
                Data.Types))))
            .Check(
                drawn =>
                {
                    var (x, y, xIds, yIds, normalize, chunk, type) = drawn;
                    if (!xIds.Intersect(yIds).Any()) return;
                    var report = Retrieval.Evaluate(
                        Data.Matrix(x, type), tensor(xIds), Data.Matrix(y, type), tensor(yIds), [1, 2, 5], Data.Measure(normalize), chunk);
                    var (a, b) = normalize ? (Data.Unit(x), Data.Unit(y)) : (x, y);
                    AgreeWithDefinition(report.LeftToRight, a, xIds, b, yIds);
                    AgreeWithDefinition(report.RightToLeft, b, yIds, a, xIds);
                },
                300);

    /// <summary>The average over all ways to place the matches among the candidates that score as the best one does.</summary>
    private static void AgreeWithDefinition(
        RankingReport scores, double[,] queries, long[] queryIds, double[,] candidates, long[] ids)
    {
        int[] answered = [.. Enumerable.Range(0, queryIds.Length).Where(i => ids.Contains(queryIds[i]))];
        scores.Skipped.Should().Be(queryIds.Length - answered.Length);
        scores.Ranks.Should().HaveCount(answered.Length);
        for (int place = 0; place < answered.Length; place++)
        {
            int i = answered[place];
            (double Score, bool Match)[] all =
                [.. ids.Select((id, j) => (Data.Dot(queries, i, candidates, j), id == queryIds[i]))];
            double best = all.Where(one => one.Match).Max(one => one.Score);
            int above = all.Count(one => one.Score > best + 1e-12);
            var tied = all.Where(one => Math.Abs(one.Score - best) <= 1e-12).ToArray();
            // Each set of places for the matches is as likely; the lowest bit is the first match.
            int[] first = [.. Enumerable.Range(1, (1 << tied.Length) - 1)
                .Where(set => int.PopCount(set) == tied.Count(one => one.Match))
                .Select(set => above + 1 + int.TrailingZeroCount(set))];
            scores.Ranks[place].Should().BeApproximately(first.Average(), 1e-12);
            scores.ReciprocalRanks[place].Should().BeApproximately(first.Average(rank => 1.0 / rank), 1e-12);
            foreach (int k in new[] { 1, 2, 3, 5, 9 })
                scores.HitsAt(k)[place].Should().BeApproximately(first.Average(rank => rank <= k ? 1.0 : 0), 1e-12);
        }

        scores.MeanReciprocalRank.Should().BeApproximately(scores.ReciprocalRanks.Average(), 1e-12);
        scores.HitRateAt[2].Should().BeApproximately(scores.HitsAt(2).Average(), 1e-12);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float16)]
    public void The_tile_does_not_matter(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor left = Data.Normal(23, 4, 1, type), right = Data.Normal(57, 4, 2, type);
        long[] leftIds = [.. Enumerable.Range(0, 23).Select(i => (long)((i * 7) % 20))];
        long[] rightIds = [.. Enumerable.Range(0, 57).Select(i => (long)((i * 11) % 25))];
        foreach (long[] ids in new[] { leftIds, rightIds[..23] })
        {
            var whole = Rank(ids, (23, 57));
            foreach (var tile in new[] { (1L, 1L), (1L, 57L), (23L, 1L), (5L, 8L), (8L, 100L), (100L, 20L) })
            {
                var (forward, backward) = Rank(ids, tile);
                forward.Ranks.Should().Equal(whole.Forward.Ranks);
                backward.Ranks.Should().Equal(whole.Backward.Ranks);
                forward.AveragePrecisions.Should().Equal(whole.Forward.AveragePrecisions);
            }
        }

        (RankingReport Forward, RankingReport Backward) Rank(long[] ids, (long, long) tile)
        {
            var (there, back) = (Relevance.ById(ids, rightIds), Relevance.ById(rightIds, ids));
            var (first, second) = (new QueryRanking(there, 57, [1]), new QueryRanking(back, 23, [1]));
            CountedRanking.Run(new RowScores(left, right, SimilarityMeasure.Cosine), there, first, (back, second), tile);
            return (first.Report(), second.Report());
        }
    }

    [Fact]
    public void A_tile_stays_small_whatever_the_chunk()
    {
        var (rows, columns) = CountedRanking.Tile(null, CPU);
        (rows, columns).Should().Be((512, 512));
        CountedRanking.Tile(16, CPU).Should().Be((16, 1 << 14));
        CountedRanking.Tile(1 << 20, CPU).Should().Be((1 << 20, 1));
    }

    [Fact]
    public void Ids_one_to_one_in_any_order_give_what_the_pairs_give()
    {
        using var scope = NewDisposeScope();
        Tensor left = Data.Normal(40, 6, 1, ScalarType.Float32), right = Data.Normal(40, 6, 2, ScalarType.Float32);
        var order = randperm(40, ScalarType.Int64);
        var pairs = Retrieval.Evaluate(left, right);
        var byId = Retrieval.Evaluate(left, arange(40), right.index_select(0, order), order, chunkSize: 7);
        byId.LeftToRight.Ranks.Should().Equal(pairs.LeftToRight.Ranks);
        long[] places = order.data<long>().ToArray();
        byId.RightToLeft.Ranks.Should().Equal(places.Select(place => pairs.RightToLeft.Ranks[(int)place]));
        byId.MeanReciprocalRank.Should().BeApproximately(pairs.MeanReciprocalRank, 1e-15);
    }

    [Fact]
    public void Queries_without_a_match_are_left_out_and_counted()
    {
        using var scope = NewDisposeScope();
        var left = Data.Matrix(new double[,] { { 1, 0 }, { 0, 1 } });
        var right = Data.Matrix(new double[,] { { 1, 0 }, { 0.9, 0.1 }, { 0, 1 } });
        var report = Retrieval.Evaluate(left, tensor(new[] { 4, 9 }), right, tensor(new[] { 3, 4, 3 }));
        // Right row 0 belongs to nothing, and still stands before row 1.
        report.LeftToRight.Ranks.Should().Equal(2);
        report.LeftToRight.Skipped.Should().Be(1);
        report.RightToLeft.Ranks.Should().Equal(1);
        report.RightToLeft.Skipped.Should().Be(2);
    }

    [Fact]
    public void Collapsed_features_score_at_chance_with_many_matches()
    {
        using var scope = NewDisposeScope();
        var left = ones(300, 7, dtype: ScalarType.Float32).mul(0.3);
        var ids = arange(300).remainder(100);                                            // three matches for each
        var scores = Retrieval.Evaluate(left, ids, left, ids, [1, 10], chunkSize: 41).LeftToRight;
        scores.Ranks.Distinct().Should().Equal(1 + (297 / 4.0));
        scores.HitRateAt[1].Should().BeApproximately(3 / 300.0, 1e-12);
        scores.HitRateAt[10].Should().BeApproximately(
            1 - Enumerable.Range(0, 10).Aggregate(1.0, (missed, i) => missed * (297 - i) / (300 - i)), 1e-12);
    }

    [Fact]
    public void Strides_and_required_gradients_do_not_matter_and_no_tensor_is_left()
    {
        using var scope = NewDisposeScope();
        Tensor left = Data.Normal(20, 5, 1), right = Data.Normal(30, 5, 2);
        Tensor leftIds = arange(20), rightIds = arange(30).remainder(20);
        var plain = Retrieval.Evaluate(left, leftIds, right, rightIds);
        var everyOther = arange(60).remainder(40).div(2, RoundingMode.floor).slice(0, 0, 60, 2);
        everyOther.is_contiguous().Should().BeFalse();
        everyOther.IsSameAs(rightIds).Should().BeTrue();
        var strided = Retrieval.Evaluate(Data.Strided(left).requires_grad_(), leftIds, Data.Strided(right), everyOther, chunkSize: 6);
        strided.LeftToRight.Ranks.Should().Equal(plain.LeftToRight.Ranks);
        strided.RightToLeft.Ranks.Should().Equal(plain.RightToLeft.Ranks);
        Data.LeftBehind(() => Retrieval.Evaluate(left, leftIds, right, rightIds, chunkSize: 6)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_it_cannot_rank()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones(4, 3), y = ones(6, 3), xIds = arange(4), yIds = arange(6);
        Refuses(() => Retrieval.Evaluate(x, null!, y, yIds), "leftIds");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, yIds, y, yIds), "leftIds", "(4)", "(6)");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, xIds, y, yIds.to_type(ScalarType.Float32)), "rightIds", "Float32");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, xIds, y, yIds.add(4)), "rightIds", "4 left rows", "6 right rows");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, xIds, ones(6, 2), yIds), "right", "3 features", "2");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, xIds, ones(0, 3), arange(0)), "right", "at least 1 rows");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, xIds, y, yIds, [0]), "k", "at least 1");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, xIds, y.mul(float.NaN), yIds), "right", "18 values of 18");
        RetrievalTests.Refuses(() => Retrieval.Evaluate(x, x).LeftToRight.HitsAt(0), "k", "at least 1");
    }
}
