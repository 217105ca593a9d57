using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class HardPairTests
{
    [Fact]
    public void Negatives_are_drawn_with_the_probability_of_the_softmax_of_those_of_other_ids()
    {
        using var scope = NewDisposeScope();
        var similarities = tensor(new[] { 0.3, 1.2, -0.5, 2.0, 0.1 }).unsqueeze(0);
        var ids = tensor(new long[] { 7 });
        var candidateIds = tensor(new long[] { 7, 1, 2, 7, 3 });
        using var random = new Generator(1);
        const int draws = 20_000;
        var drawn = HardNegativeDraw.Draw(similarities.expand(draws, 5), ids.expand(draws), candidateIds, random);
        double[] weights = [0, Math.Exp(1.2), Math.Exp(-0.5), 0, Math.Exp(0.1)];
        for (var j = 0; j < 5; j++)
        {
            var share = drawn.eq(j).sum().item<long>() / (double)draws;
            share.Should().BeApproximately(weights[j] / weights.Sum(), 0.015);
            if (weights[j] == 0) share.Should().Be(0);
        }
    }

    [Fact]
    public void Extreme_similarities_of_a_rows_own_leave_the_others_to_be_drawn()
    {
        using var scope = NewDisposeScope();
        var similarities = eye(3) * 1000;
        var drawn = HardNegativeDraw.Draw(similarities).data<long>().ToArray();
        drawn.Select((j, i) => i == j).Should().OnlyContain(same => !same);
        HardNegativeDraw.Draw(similarities.to(ScalarType.Float16)).dtype.Should().Be(ScalarType.Int64);
    }

    [Fact]
    public void A_seed_gives_the_same_pairs_and_both_sides_have_hard_ones_of_other_ids()
    {
        using var scope = NewDisposeScope();
        var similarities = Draw.Normal(1, 6, 6);
        var ids = tensor(new long[] { 0, 1, 2, 1, 4, 0 });
        MatchingPairs Pairs(ulong seed)
        {
            using var random = new Generator(seed);
            return MatchingPairs.Draw(similarities, ids, random);
        }

        var pairs = Pairs(5);
        pairs.First.IsSameAs(Pairs(5).First).Should().BeTrue();
        pairs.Second.IsSameAs(Pairs(5).Second).Should().BeTrue();
        Enumerable.Range(6, 5).Any(seed => !pairs.Second.IsSameAs(Pairs((ulong)seed).Second)).Should().BeTrue();
        pairs.First.shape.Should().Equal(18);
        pairs.Labels.data<long>().Should().Equal([.. Enumerable.Repeat(1L, 6), .. Enumerable.Repeat(0L, 12)]);
        pairs.First.narrow(0, 0, 12).data<long>().Should().Equal([.. Enumerable.Range(0, 12).Select(i => i % 6L)]);
        pairs.Second.narrow(0, 12, 6).data<long>().Should().Equal([.. Enumerable.Range(0, 6).Select(i => (long)i)]);
        var same = ids.index_select(0, pairs.First).eq(ids.index_select(0, pairs.Second));
        same.IsSameAs(pairs.Labels.to(ScalarType.Bool)).Should().BeTrue("never of the same id");
        pairs.Skipped.Should().Be(0);
    }

    [Fact]
    public void A_row_without_a_candidate_is_refused_or_told()
    {
        using var scope = NewDisposeScope();
        var ids = tensor(new long[] { 3, 3, 3 });
        Refuses(() => HardNegativeDraw.Draw(rand(3, 3), ids), "row 0 has no candidate of another id");
        HardNegativeDraw.Draw(rand(3, 3), ids, missingPairs: MissingPairs.Skip).data<long>().Should().Equal(-1, -1, -1);
        var pairs = MatchingPairs.Draw(rand(3, 3), ids, missingPairs: MissingPairs.Skip);
        (pairs.First.shape[0], pairs.Skipped).Should().Be((3, 6));
        var one = MatchingPairs.Draw(rand(1, 1), missingPairs: MissingPairs.Skip);
        (one.First.shape[0], one.Labels[0].item<long>()).Should().Be((1, 1));
        Refuses(() => MatchingPairs.Draw(rand(1, 1)), "row 0 has no candidate");
        MatchingPairs.Draw(rand(2, 2)).Second.data<long>().Should().Equal(0, 1, 1, 0, 0, 1);
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var broken = rand(3, 3);
        broken[2, 0] = float.NaN;
        Refuses(() => HardNegativeDraw.Draw(broken), "similarities are not finite in row 2");
        Refuses(() => HardNegativeDraw.Draw(rand(3)), "similarities must have the shape (N, M) but have (3)");
        Refuses(() => HardNegativeDraw.Draw(zeros(2, 2, dtype: ScalarType.Int64)), "similarities must be float16");
        Refuses(() => HardNegativeDraw.Draw(rand(3, 3), rand(3)), "ids must be integers but are Float32");
        Refuses(() => HardNegativeDraw.Draw(rand(3, 4), arange(3), arange(3)), "candidateIds must have the shape (4)");
        Refuses(() => HardNegativeDraw.Draw(rand(3, 3), missingPairs: (MissingPairs)9), "missingPairs");
        Refuses(() => HardNegativeDraw.Draw(rand(3, 3), empty(3, dtype: ScalarType.Int64, device: META)), "similarities are on cpu but ids are on meta");

        // What is refused takes no draw.
        using var random = new Generator(1);
        using var untouched = new Generator(1);
        Refuses(() => HardNegativeDraw.Draw(broken, generator: random), "similarities are not finite");
        Refuses(() => MatchingPairs.Draw(rand(3, 3), ones(3, dtype: ScalarType.Int64), random), "row 0 has no candidate");
        Refuses(() => TextAssignment.Draw(broken, generator: random), "similarities are not finite");
        rand(4, generator: random).IsSameAs(rand(4, generator: untouched)).Should().BeTrue();
        Refuses(() => MatchingPairs.Draw(rand(3, 4)), "similarities must have the shape (N, N) but have (3, 4)");
    }

    [Fact]
    public void They_leave_no_tensor_behind()
    {
        using var outer = NewDisposeScope();
        var (similarities, ids) = (rand(4, 4), arange(4));
        TensorCount.ShouldStay(() => HardNegativeDraw.Draw(similarities, ids).Dispose());
        TensorCount.ShouldStay(() => MatchingPairs.Draw(similarities, ids).Dispose());
        TensorCount.ShouldStay(() => TextAssignment.Draw(similarities, 3, ids).Dispose());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_text_belongs_to_each_place_and_to_none_as_often(int pictures)
    {
        using var scope = NewDisposeScope();
        const int n = 600;
        using var random = new Generator(3);
        var ids = arange(n).div(2, RoundingMode.floor).to(ScalarType.Int64);
        using var drawn = TextAssignment.Draw(zeros(n, n), pictures, ids, random);
        drawn.Pictures.shape.Should().Equal(n, pictures);
        for (var place = 0; place <= pictures; place++)
            (drawn.Labels.eq(place).sum().item<long>() / (double)n).Should().BeApproximately(1.0 / (pictures + 1), 0.07);
        for (var i = 0; i < n; i++)
        {
            long[] shown = [.. drawn.Pictures[i].data<long>()];
            var label = drawn.Labels[i].item<long>();
            var text = drawn.Texts[i].item<long>();
            shown.Should().OnlyHaveUniqueItems();
            for (var k = 0; k < pictures; k++)
            {
                if (k == label) shown[k].Should().Be(text);
                else (shown[k] / 2).Should().NotBe(text / 2, "others are of other samples");
            }
        }
    }

    [Fact]
    public void The_pictures_of_a_text_are_drawn_by_similarity_wherever_its_own_stands()
    {
        using var scope = NewDisposeScope();
        const int n = 1000;
        using var random = new Generator(4);
        // Texts of sample 0, of which a picture stands for each; then a picture of each other sample, much alike, a little, and not.
        var ids = cat([zeros(n, dtype: ScalarType.Int64), arange(1, 4)]);
        double[] s = [5, 2, 1, 0];
        var similarities = cat([full(n, 5, dtype: ScalarType.Float64), tensor(s[1..])]).unsqueeze(0).expand(n + 3, n + 3);
        using var drawn = TextAssignment.Draw(similarities, 2, ids, random);
        var (labels, pictures) = (drawn.Labels.data<long>().ToArray(), drawn.Pictures.flatten().data<long>().ToArray());
        var counts = new double[3, 4];
        for (var text = 0; text < n; text++)
            counts[labels[text], pictures[(2 * text) + (labels[text] == 0 ? 1 : 0)] - n + 1]++;
        var weights = s.Select((x, j) => j == 0 ? 0 : Math.Exp(x)).ToArray();
        for (var label = 0; label < 3; label++)
        {
            var total = Enumerable.Range(0, 4).Sum(j => counts[label, j]);
            for (var j = 0; j < 4; j++) (counts[label, j] / total).Should().BeApproximately(weights[j] / weights.Sum(), 0.06);
        }
    }

    [Fact]
    public void Text_assignment_has_edges_and_refusals()
    {
        using var scope = NewDisposeScope();
        using var two = TextAssignment.Draw(rand(2, 2), 3, generator: new Generator(1));
        two.Pictures.shape.Should().Equal([2, 3], "with one other picture, it stands in every other place");
        Refuses(() => TextAssignment.Draw(rand(1, 1)), "row 0 has no candidate of another id");
        using var none = TextAssignment.Draw(rand(1, 1), missingPairs: MissingPairs.Skip);
        (none.Texts.shape[0], none.Pictures.shape[0], none.Skipped).Should().Be((0, 0, 1));
        Refuses(() => TextAssignment.Draw(rand(2, 3)), "(N, N) but have (2, 3)");
        Refuses(() => TextAssignment.Draw(rand(2, 2), 1), "pictures must be at least 2 but is 1");
        Refuses(() => new TextAssignmentLoss(1), "pictures must be at least 2 but is 1");
    }
}
