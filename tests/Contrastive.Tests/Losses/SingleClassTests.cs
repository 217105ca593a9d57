using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>
/// A batch whose rows are all of one class: SupCon's loss (Khosla et al. 2020, equation 2) is defined, its denominator is a sum over
/// positives alone.
/// </summary>
public class SingleClassTests
{
    [Fact]
    public void A_block_of_a_map_of_labels_is_the_same_pairs_as_a_mask()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 9, 3), Draw.Leaf(2, 9, 3));
        var labels = tensor(new long[] { 0, 1, 0, 2, 1, 0, 1, 2, 0 });
        foreach (var map in new[] { PairMap.FromLabels(labels), PairMap.FromLabels(labels, labels.clone()) })
        {
            foreach (var (first, count, from, to) in new[] { (0, 4, 0, 9), (0, 9, 0, 5), (0, 1, 0, 9), (0, 6, 0, 6), (3, 4, 0, 9), (0, 9, 0, 9) })
            {
                var (part, others) = (a.narrow(0, first, count), b.narrow(0, from, to));
                var block = map.Block(first, count, from, to);
                var masks = block.Masks(new PairBlock(0, count, 0, to), PositiveSampling.Complete, CPU);
                var mask = PairMap.FromMask(masks.Positives).Exclude(masks.Positives.logical_or(masks.Negatives).logical_not());
                using var loss = new InfoNCELoss(missingPairs: MissingPairs.Skip);
                Gradients.ShouldAgree(
                    () => loss.Evaluate(part, others, pairs: block).Loss, () => loss.Evaluate(part, others, pairs: mask).Loss, 1e-12, a, b);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_loss_is_the_published_one(bool tiled)
    {
        using var scope = NewDisposeScope();
        var z = Draw.Leaf(1, 5, 3);
        var map = PairMap.FromLabels(zeros(5, dtype: ScalarType.Int64));
        foreach (var reduction in Enum.GetValues<nn.Reduction>())
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.3), reduction: reduction) { Tiling = tiled ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole };
            Gradients.ShouldAgree(() => loss.forward(z, z, null, map), () => Reduce(Published(), reduction), 1e-10, z);
            loss.Evaluate(z, z, null, map).SkippedAnchors.Should().Be(0);
        }

        Tensor Published()
        {
            var s = Reference.Similarities(z, z, 0.3, SimilarityMeasure.Cosine);
            var others = eye(5, dtype: ScalarType.Bool).logical_not();
            return Reference.LogSum(s, others) - (s.masked_fill(others.logical_not(), 0).sum(1L) / 4);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void With_the_sum_inside_the_logarithm_it_is_the_logarithm_of_their_number(bool tiled)
    {
        using var scope = NewDisposeScope();
        var z = Draw.Leaf(1, 5, 3);
        using var loss = new InfoNCELoss(Temperature.Fixed(0.3), positiveSum: PositiveSum.InsideLog) { Tiling = tiled ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole };
        var value = loss.forward(z, z, null, PairMap.FromLabels(zeros(5, dtype: ScalarType.Int64)));
        value.ShouldEqual(tensor(Math.Log(4)), 1e-12);
        Gradients.Of(value, z)[0].ShouldEqual(zeros_like(z), 1e-12);
    }

    [Fact]
    public void Two_sets_of_one_class_in_both_directions()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 4), Draw.Leaf(2, 5, 4));
        using var loss = new InfoNCELoss(Temperature.Fixed(0.3), ContrastMode.Symmetric);
        Gradients.ShouldAgree(
            () => loss.forward(a, b, null, PairMap.FromMask(ones(3, 5, dtype: ScalarType.Bool))),
            () =>
            {
                var s = Reference.Similarities(a, b, 0.3, SimilarityMeasure.Cosine);
                var all = ones(3, 5, dtype: ScalarType.Bool);
                return ((Reference.LogSum(s, all).mean() - s.mean()) + (Reference.LogSum(s.t(), all.t()).mean() - s.mean())) / 2;
            },
            1e-10, a, b);
    }

    [Fact]
    public void The_labels_of_one_set_given_as_two_are_refused()
    {
        using var labels = tensor(new long[] { 0, 1, 0 });
        Refuses(() => PairMap.FromLabels(labels, labels), "FromLabels(labels)");
        using var others = labels.clone();
        PairMap.FromLabels(labels, others).CandidateCount.Should().Be(3, "equal labels of another set are fine");
    }

    private static Tensor Reduce(Tensor each, nn.Reduction reduction) => reduction switch
    {
        nn.Reduction.None => each,
        nn.Reduction.Sum => each.sum(),
        _ => each.mean(),
    };
}
