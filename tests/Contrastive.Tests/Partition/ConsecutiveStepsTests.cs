using static TorchSharp.torch;

namespace Contrastive.Tests.Partition;

/// <summary>What one step leaves in an estimator for the next.</summary>
public class ConsecutiveStepsTests
{
    [Fact]
    public void The_second_step_of_a_symmetric_loss_with_queues_is_not_off_by_the_temperature()
    {
        using var scope = NewDisposeScope();
        using var loss = new GammaContrastiveLoss(new PartitionQueue(4, 2), Temperature.Fixed(0.1), ContrastMode.Symmetric);
        loss.Evaluate(eye(2), eye(2));
        // Of the four candidates of batch and queue, two are at cosine 1 and two at 0.
        loss.Evaluate(eye(2), eye(2)).Objective.item<float>().Should().BeApproximately((float)Math.Log(2 * (1 + Math.Exp(-10))), 1e-5f);
    }

    [Fact]
    public void Both_queues_of_a_symmetric_loss_hold_features_and_not_similarities()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 1) })
        {
            foreach (var measure in Enum.GetValues<SimilarityMeasure>())
            {
                foreach (var learned in new[] { false, true })
                {
                    using var scope = NewDisposeScope();
                    using var temperature = learned ? Temperature.Learned(0.05) : Temperature.Fixed(0.05);
                    using var loss = new GammaContrastiveLoss(
                        new PartitionQueue(5, 4, dtype: ScalarType.Float64), temperature, ContrastMode.Symmetric, measure)
                    {
                        Tiling = tiling,
                    };
                    var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
                    loss.Evaluate(a, b);
                    Entries(loss.Estimator).ShouldEqual(Reference.Rows(b, measure), 1e-14, "the queue of the anchors holds the candidates");
                    Entries(loss.ReverseEstimator!).ShouldEqual(Reference.Rows(a, measure), 1e-14, "the queue of the candidates holds the anchors");
                }
            }
        }

        static Tensor Entries(PartitionEstimator queue) => queue.state_dict()["candidates"].narrow(0, 0, ((PartitionQueue)queue).Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_of_one_sample_are_one_visit_where_the_anchors_are_a_block_of_the_pairs(bool tiled)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 4, 4));
        var block = PairCase.Create((int)Combinations.PairKinds.Diagonal, 4, 4, 0, exclude: false, ids: false, biasRank: 0).Block(0, 3, 0, 4);
        using var loss = new GammaContrastiveLoss(new PartitionTable(5, dtype: ScalarType.Float64), Temperature.Fixed(0.3), reduction: nn.Reduction.None)
        {
            Tiling = tiled ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole,
        };
        var values = Reference.Values(Reference.Similarities(a, b, 0.3, SimilarityMeasure.Cosine));
        var estimates = block.EachAnchor(i => Reference.Partition(values, block, i, 5, PositiveSampling.Complete).LogEstimate);
        var mean = Reference.LogAdd(estimates[0], estimates[1]) - Math.Log(2);

        var objective = loss.Evaluate(a, b, tensor(new long[] { 0, 0, 1 }), block.Map).Objective;
        var table = (PartitionTable)loss.Estimator;
        table.LogPartition.ShouldEqual(tensor(new[] { mean, estimates[2], 0, 0, 0 }), 1e-12);
        table.Visits.data<long>().Should().Equal(1, 1, 0, 0, 0);
        objective.ShouldEqual(tensor(new[] { mean - values[0, 0], mean - values[1, 1], estimates[2] - values[2, 2] }), 1e-12);
    }
}
