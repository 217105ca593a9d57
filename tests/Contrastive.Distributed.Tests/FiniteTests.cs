using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>Features that are not finite: refused by the losses that refuse them in one process, on all ranks and before any state changes.</summary>
public class FiniteTests
{
    public static TheoryData<Exchange, string, double> Cases
    {
        get
        {
            var data = new TheoryData<Exchange, string, double>();
            foreach (var exchange in Enum.GetValues<Exchange>())
            {
                data.Add(exchange, "anchors", double.NaN);
                data.Add(exchange, "candidates", double.PositiveInfinity);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_decomposable_loss_refuses_them_on_all_ranks(Exchange exchange, string side, double value)
        => ThreadGroup.Run(2, communicator =>
        {
            using var scope = NewDisposeScope();
            using var order = new Generator(3);
            using var batches = new ShardedBatches(communicator, items: 6, batchSize: 6, order);
            using var loss = new GammaContrastiveLoss(new PartitionTable(6), Temperature.Fixed(0.5), ContrastMode.Symmetric);
            var distributed = new DistributedLoss(loss, communicator, exchange, exchange == Exchange.Local ? batches : null);
            var ids = batches.Next();
            var (anchors, candidates) = (Draw.Normal(1, 6, 3)[ids], Draw.Normal(2, 6, 3)[ids]);
            var before = ((PartitionTable)loss.Estimator).LogPartition.clone();
            var wrong = (side == "anchors" ? anchors : candidates).clone();
            if (communicator.Rank == 1) wrong[2, 1] = value;
            Refuses(
                () => distributed.Evaluate(side == "anchors" ? wrong : anchors, side == "anchors" ? candidates : wrong, ids),
                $"{side} of rank 1 are not finite; nothing was changed");
            foreach (var table in new[] { loss.Estimator, loss.ReverseEstimator }.Cast<PartitionTable>())
            {
                table.LogPartition.ShouldEqual(before);
                table.Visits.sum().item<long>().Should().Be(0);
            }

            // The ranks are in step still. Large numbers, whose sum is not finite, are.
            var large = full_like(anchors, 1e308);
            double.IsFinite(distributed.Evaluate(large, candidates, ids).BatchLoss).Should().BeTrue();
        });

    [Theory]
    [InlineData(Exchange.Gather)]
    [InlineData(Exchange.Ring)]
    [InlineData(Exchange.Whole)]
    public void InfoNCE_is_NaN_as_in_one_process(Exchange exchange)
        => ThreadGroup.Run(2, communicator =>
        {
            using var scope = NewDisposeScope();
            var anchors = Draw.Normal(1, 3, 3);
            if (communicator.Rank == 1) anchors[2, 1] = double.NaN;
            using var loss = new InfoNCELoss();
            new DistributedLoss(loss, communicator, exchange).Evaluate(anchors, Draw.Normal(2, 3, 3)).BatchLoss.Should().Be(double.NaN);
        });
}
