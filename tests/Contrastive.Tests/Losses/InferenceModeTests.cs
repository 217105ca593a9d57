using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>Features of a frozen encoder, made under <c>inference_mode</c>, with a temperature that learns.</summary>
public class InferenceModeTests
{
    [Fact]
    public void A_temperature_learns_from_frozen_features_at_any_size()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3), AnyTiling.Tiles(2, 3, budget: 0) })
        {
            foreach (var measure in Enum.GetValues<SimilarityMeasure>())
            {
                foreach (var mode in Enum.GetValues<ContrastMode>())
                {
                    foreach (var reduction in Enum.GetValues<nn.Reduction>())
                    {
                        using var scope = NewDisposeScope();
                        using var temperature = Temperature.Learned(0.3);
                        var scale = temperature.parameters().Single();
                        using var info = new InfoNCELoss(temperature, mode, measure, reduction: reduction) { Tiling = tiling };
                        using var gamma = new GammaContrastiveLoss(new BatchPartition(), temperature, mode, measure, reduction: reduction) { Tiling = tiling };
                        foreach (var loss in new ContrastiveLoss[] { info, gamma })
                        {
                            var (a, b) = Features();
                            var frozen = Frozen();
                            var (actual, expected) = (loss.forward(frozen.A, frozen.B), loss.forward(a, b));
                            actual.ShouldEqual(expected, 1e-6);
                            Gradients.Of(actual.sum(), scale)[0].ShouldEqual(Gradients.Of(expected.sum(), scale)[0], 1e-6);

                            // One tower is frozen, the other learns.
                            var leaf = b.detach().clone().requires_grad_();
                            var other = b.detach().clone().requires_grad_();
                            var (found, right) = (Gradients.Of(loss.forward(frozen.A, leaf).sum(), leaf), Gradients.Of(loss.forward(a, other).sum(), other));
                            found[0].ShouldEqual(right[0], 1e-5);
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void Explicit_negatives_too()
    {
        foreach (var measure in Enum.GetValues<SimilarityMeasure>())
        {
            using var scope = NewDisposeScope();
            using var temperature = Temperature.Learned(0.3);
            var scale = temperature.parameters().Single();
            using var loss = new InfoNCELoss(temperature, similarity: measure);
            var (a, b) = Features();
            var frozen = Frozen();
            foreach (var (negatives, frozenNegatives) in new[] { (b, frozen.B), (b.unsqueeze(1).expand(5, 2, 3), Own()) })
            {
                var (actual, expected) = (loss.EvaluateNegatives(frozen.A, frozen.B, frozenNegatives).Loss, loss.EvaluateNegatives(a, b, negatives).Loss);
                actual.ShouldEqual(expected, 1e-6);
                Gradients.Of(actual, scale)[0].ShouldEqual(Gradients.Of(expected, scale)[0], 1e-6);
            }

            Tensor Own()
            {
                using var mode = inference_mode();
                return frozen.B.unsqueeze(1).expand(5, 2, 3);
            }
        }
    }

    [Fact]
    public void A_temperature_alone_too()
    {
        using var scope = NewDisposeScope();
        using var temperature = Temperature.Learned(0.3);
        var scale = temperature.parameters().Single();
        var (actual, expected) = (temperature.Scale(Frozen().A), temperature.Scale(Features().A));
        actual.ShouldEqual(expected, 1e-6);
        Gradients.Of(actual.sum(), scale)[0].ShouldEqual(Gradients.Of(expected.sum(), scale)[0], 1e-6);
    }

    [Fact]
    public void Weights_of_an_expectation_step_in_inference_mode_serve_at_any_size()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3), AnyTiling.Tiles(2, 3, budget: 0) })
        {
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var scope = NewDisposeScope();
                using var loss = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.3)) { Tiling = tiling };
                var (a, b) = Features();
                GammaWeights frozen;
                using (inference_mode()) frozen = loss.ExpectationStep(a, b, PairMap.Diagonal(5));
                var weights = loss.ExpectationStep(a, b, PairMap.Diagonal(5));
                var (leaf, other) = (a.clone().requires_grad_(), a.clone().requires_grad_());
                var actual = loss.MaximizationStep(leaf, b, PairMap.Diagonal(5), frozen, reduction);
                var expected = loss.MaximizationStep(other, b, PairMap.Diagonal(5), weights, reduction);
                actual.ShouldEqual(expected, 1e-6);
                Gradients.Of(actual.sum(), leaf)[0].ShouldEqual(Gradients.Of(expected.sum(), other)[0], 1e-6);
            }
        }
    }

    [Fact]
    public void Of_both_directions_too()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3), AnyTiling.Tiles(2, 3, budget: 0) })
        {
            using var scope = NewDisposeScope();
            using var loss = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.3), ContrastMode.Symmetric) { Tiling = tiling };
            var (a, b) = Features();
            var (leaf, map) = (a.clone().requires_grad_(), PairMap.Diagonal(5));
            GammaWeights frozen, frozenReverse;
            using (inference_mode()) (frozen, frozenReverse) = (loss.ExpectationStep(a, b, map), loss.ExpectationStep(b, a, map, reverse: true));
            var (weights, reverse) = (loss.ExpectationStep(a, b, map), loss.ExpectationStep(b, a, map, reverse: true));
            var actual = loss.MaximizationStep(leaf, b, map, frozen, frozenReverse, 0.2, 0.2);
            var expected = loss.MaximizationStep(leaf, b, map, weights, reverse, 0.2, 0.2);
            actual.ShouldEqual(expected, 1e-6);
            Gradients.Of(actual, leaf)[0].ShouldEqual(Gradients.Of(expected, leaf)[0], 1e-6);
        }
    }

    [Fact]
    public void And_the_loss_itself_under_inference_mode_moves_the_state_as_ever()
    {
        using var scope = NewDisposeScope();
        using var temperature = Temperature.Learned(0.3);
        using var table = new GammaContrastiveLoss(new PartitionTable(5), temperature, ContrastMode.Symmetric);
        using var queue = new GammaContrastiveLoss(new PartitionQueue(7, 3), temperature, ContrastMode.Symmetric);
        using var otherTable = new GammaContrastiveLoss(new PartitionTable(5), temperature, ContrastMode.Symmetric);
        using var otherQueue = new GammaContrastiveLoss(new PartitionQueue(7, 3), temperature, ContrastMode.Symmetric);
        foreach (var (loss, other) in new[] { (table, otherTable), (queue, otherQueue) })
        {
            var (a, b) = Features();
            for (var step = 0; step < 3; step++)
            {
                using (inference_mode()) loss.forward(a, b, arange(5));
                other.forward(a, b, arange(5));
            }
            Saved.Of(loss).Should().Equal(Saved.Of(other));
            loss.forward(a, b.detach().requires_grad_(), arange(5)).backward();
        }
    }

    private static (Tensor A, Tensor B) Features() => (Draw.Normal(1, 5, 3).to(ScalarType.Float32), Draw.Normal(2, 5, 3).to(ScalarType.Float32));

    private static (Tensor A, Tensor B) Frozen()
    {
        using var mode = inference_mode();
        var (a, b) = Features();
        return (a.clone(), b.clone());
    }
}
