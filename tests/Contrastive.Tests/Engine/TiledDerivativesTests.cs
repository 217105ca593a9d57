using static TorchSharp.torch;

namespace Contrastive.Tests.Engine;

/// <summary>What the tiled form says of its inputs: the same as the whole matrix, once.</summary>
public class TiledDerivativesTests
{
    private static readonly Tiling Tiles = AnyTiling.Tiles(2, 3);

    [Fact]
    public void The_learned_temperature_has_the_gradient_of_the_whole_matrix()
    {
        foreach (var measure in Enum.GetValues<SimilarityMeasure>())
        {
            foreach (var make in Losses(measure))
            {
                using var scope = NewDisposeScope();
                var (a, b, ids) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3), arange(5));
                var gradients = new List<float>();
                foreach (var tiling in new[] { Tiling.Default, Tiles, AnyTiling.Tiles(3, 2, budget: 0) })
                {
                    using var temperature = Temperature.Learned(0.3);
                    using var loss = make(temperature, tiling);
                    loss.forward(a, b, ids).backward();
                    gradients.Add(temperature.parameters().Single().grad!.item<float>());

                    // With nothing else to differentiate, too.
                    temperature.zero_grad();
                    make(temperature, tiling).forward(a.detach(), b.detach(), ids).backward();
                    gradients.Add(temperature.parameters().Single().grad!.item<float>());
                }
                gradients.Should().AllSatisfy(g => g.Should().BeApproximately(gradients[0], 1e-6f));
                gradients[0].Should().NotBe(0);
            }
        }
    }

    [Fact]
    public void Second_derivatives_of_the_whole_matrix_are_exact()
    {
        foreach (var make in Losses(SimilarityMeasure.Cosine))
        {
            using var scope = NewDisposeScope();
            var (a, b, ids) = (Draw.Leaf(1, 3, 2), Draw.Leaf(2, 3, 2), arange(3));
            using var loss = make(Temperature.Fixed(0.5), Tiling.Default);
            // The gamma loss holds u constant while it is differentiated, the differences let it move: not for comparison.
            if (loss is GammaContrastiveLoss) continue;
            Gradients.ShouldMatchFiniteDifferences(
                () =>
                {
                    using var graph = enable_grad();
                    return autograd.grad([loss.forward(a, b, ids)], [a], retain_graph: true, create_graph: true)[0].pow(2).sum();
                },
                a, b);
        }
    }

    [Fact]
    public void Second_derivatives_through_tiles_are_no_numbers_rather_than_wrong_ones()
    {
        foreach (var make in Losses(SimilarityMeasure.Cosine))
        {
            using var scope = NewDisposeScope();
            var (a, b, ids) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3), arange(5));
            using var loss = make(Temperature.Fixed(0.5), Tiles);
            var first = autograd.grad([loss.forward(a, b, ids)], [a, b], retain_graph: true, create_graph: true);
            var penalty = first[0].pow(2).sum() + first[1].pow(2).sum();
            foreach (var second in autograd.grad([penalty], [a, b])) second.isfinite().any().item<bool>().Should().BeFalse();
        }
    }

    [Fact]
    public void Inputs_that_need_no_gradient_get_none_and_change_nothing()
    {
        foreach (var make in Losses(SimilarityMeasure.Cosine))
        {
            using var scope = NewDisposeScope();
            var (a, b, ids) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3), arange(5));
            Tensor Value(Tensor anchors, Tensor candidates)
            {
                var loss = make(Temperature.Fixed(0.5), Tiles);
                return loss.forward(anchors, candidates, ids);
            }

            var both = Value(a, b);
            var expected = Gradients.Of(both, a, b);
            var (left, right, none) = (Value(a, b.detach()), Value(a.detach(), b), Value(a.detach(), b.detach()));
            Gradients.Of(left, a)[0].ShouldEqual(expected[0], 1e-14);
            Gradients.Of(right, b)[0].ShouldEqual(expected[1], 1e-14);
            none.requires_grad.Should().BeFalse();
            foreach (var value in new[] { left, right, none }) value.ShouldEqual(both, 1e-14);
            using (no_grad())
            {
                var constant = Value(a, b);
                constant.requires_grad.Should().BeFalse();
                constant.ShouldEqual(both, 1e-14);
            }
        }
    }

    [Fact]
    public void Features_changed_in_place_before_the_backward_pass_are_an_exception_and_not_the_end_of_the_process()
    {
        using var scope = NewDisposeScope();
        var (leaf, b) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3));
        using var loss = new InfoNCELoss { Tiling = Tiles };
        var a = leaf * 1;
        using var learned = new InfoNCELoss(Temperature.Learned()) { Tiling = Tiles };
        foreach (var value in new[] { loss.forward(a, b), learned.forward(a, b) })
        {
            using (no_grad()) a.mul_(2);
            try
            {
                value.backward();
            }
            catch (System.Runtime.InteropServices.ExternalException refused)
            {
                refused.Message.Should().Contain("modified by an inplace operation");
            }
        }
    }

    private static IEnumerable<Func<Temperature, Tiling, ContrastiveLoss>> Losses(SimilarityMeasure measure)
    {
        foreach (var mode in Enum.GetValues<ContrastMode>())
            yield return (temperature, tiling) => new InfoNCELoss(temperature, mode, measure) { Tiling = tiling };
        foreach (var symmetric in new[] { false, true })
            yield return (temperature, tiling) => new GammaContrastiveLoss(new PartitionTable(20, dtype: ScalarType.Float64), temperature, symmetric, measure) { Tiling = tiling };
    }
}
