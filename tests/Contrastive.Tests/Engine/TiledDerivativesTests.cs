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
                foreach (var tiling in new[] { AnyTiling.Whole, Tiles, AnyTiling.Tiles(3, 2, budget: 0) })
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
    public void Features_of_many_numbers_are_gone_through_in_runs_with_the_same_gradients()
    {
        // 70 × 4096 numbers: four runs of 16 rows, and one of 6.
        const long rows = 70, width = 4096;
        foreach (var measure in Enum.GetValues<SimilarityMeasure>())
        {
            foreach (var (learned, sigma) in new (bool, double?)[] { (false, null), (true, null), (true, 0.5) })
            {
                using var scope = NewDisposeScope();
                Tensor Leaf(long seed) => (Draw.Normal(seed, rows, width) / Math.Sqrt(width)).detach().requires_grad_();
                var (a, b) = (Leaf(1), Leaf(2));
                var found = new List<(Tensor[] ByFeatures, float? ByTemperature)>();
                foreach (var tiling in new[] { new Tiling { DensePairs = rows * rows }, AnyTiling.Tiles(50, 60) })
                {
                    using var temperature = learned ? Temperature.Learned(0.3) : Temperature.Fixed(0.3);
                    using var loss = new InfoNCELoss(temperature, ContrastMode.Symmetric, measure, decoupled: sigma is not null, misesFisherSigma: sigma) { Tiling = tiling };
                    loss.forward(a, b).backward();
                    found.Add(([a.grad!, b.grad!], temperature.parameters().SingleOrDefault()?.grad!.item<float>()));
                    (a.grad, b.grad) = (null, null);
                }
                for (var i = 0; i < 2; i++)
                {
                    found[0].ByFeatures[i].abs().max().item<double>().Should().BeGreaterThan(1e-5);
                    (found[1].ByFeatures[i] - found[0].ByFeatures[i]).abs().max().item<double>().Should().BeLessThan(1e-13);
                }
                found[0].ByTemperature.HasValue.Should().Be(learned);
                if (learned) found[1].ByTemperature!.Value.Should().BeApproximately(found[0].ByTemperature!.Value, 1e-5f).And.NotBe(0);
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
            using var loss = make(Temperature.Fixed(0.5), AnyTiling.Whole);
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
    public void Functions_have_second_derivatives_for_those_who_ask_for_the_whole_matrix()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        foreach (var of in new Func<Tiling?, Tensor>[]
        {
            tiling => nn.functional.info_nce(a, b, tiling: tiling), tiling => nn.functional.sigmoid_contrastive(a, b, tiling: tiling),
            tiling => nn.functional.uniformity(a, tiling: tiling),
        })
        {
            Second(of(AnyTiling.Whole)).isfinite().all().item<bool>().Should().BeTrue();
            Second(of(null)).isfinite().any().item<bool>().Should().BeFalse("tiles are the default at every size");
        }

        Tensor Second(Tensor loss) => autograd.grad([autograd.grad([loss], [a], retain_graph: true, create_graph: true)[0].pow(2).sum()], [a])[0];
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
    public void Nor_are_they_wrong_ones_where_a_loss_has_inputs_of_its_own()
    {
        using var scope = NewDisposeScope();
        var (a, p, n) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3), Draw.Leaf(3, 7, 3));
        using var explicitNegatives = new InfoNCELoss(Temperature.Fixed(0.5)) { Tiling = Tiles };
        var byPositives = autograd.grad([explicitNegatives.EvaluateNegatives(a, p, n).Loss], [p], retain_graph: true, create_graph: true)[0];
        foreach (var second in autograd.grad([byPositives.pow(2).sum()], [a, p, n])) second.isfinite().any().item<bool>().Should().BeFalse();

        var logWeights = Draw.Leaf(4, 5);
        using var gamma = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.5)) { Tiling = Tiles };
        var value = gamma.MaximizationStep(a, p, PairMap.Diagonal(5), GammaWeights.Create(logWeights));
        var byWeights = autograd.grad([value], [logWeights], retain_graph: true, create_graph: true)[0];
        foreach (var second in autograd.grad([byWeights.pow(2).sum()], [a, p])) second.isfinite().any().item<bool>().Should().BeFalse();
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
            // ⟨x, gradient⟩ remembers x only where the gradient of the gradient is wanted, which it is not.
            value.backward();
            leaf.grad!.ShouldBeFinite();
            leaf.grad = null;
        }
    }

    private static IEnumerable<Func<Temperature, Tiling, ContrastiveLoss>> Losses(SimilarityMeasure measure)
    {
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            yield return (temperature, tiling) => new InfoNCELoss(temperature, mode, measure) { Tiling = tiling };
            yield return (temperature, tiling) => new InfoNCELoss(temperature, mode, measure, decoupled: true, misesFisherSigma: 0.5) { Tiling = tiling };
            yield return (temperature, tiling) => new InfoNCELoss(temperature, mode, measure, hardNegatives: new HardNegatives()) { Tiling = tiling };
            yield return (temperature, tiling) => new InfoNCELoss(temperature, mode, measure, labelSmoothing: 0.1) { Tiling = tiling };
            yield return (temperature, tiling) => new SigmoidContrastiveLoss(temperature, -1, false, mode, measure) { Tiling = tiling };
            yield return (temperature, tiling) => new GammaContrastiveLoss(
                new PartitionTable(20, population: 39, dtype: ScalarType.Float64), temperature, mode, measure)
            {
                Tiling = tiling,
            };
        }
    }
}
