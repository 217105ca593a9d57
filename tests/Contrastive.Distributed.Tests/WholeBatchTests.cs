using Contrastive.Modality;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>Losses that no exchange divides, of all rows on each rank.</summary>
public class WholeBatchTests
{
    private const int Rows = 11;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Structures_of_two_modalities_are_what_one_process_has(int size)
    {
        using var scope = NewDisposeScope();
        Tensor[] data = [.. Enumerable.Range(1, 4).Select(seed => (Draw.Normal(seed, Rows, 4) * seed) + (0.1 * seed))];
        var expected = Gradients(Communicator.Single);
        foreach (var actual in ThreadGroup.Run(size, Gradients))
        {
            actual.Value.Should().BeApproximately(expected.Value, 1e-10);
            for (var i = 0; i < actual.Parameters.Length; i++) actual.Parameters[i].ShouldEqual(expected.Parameters[i], 1e-10, $"parameter {i}");
        }

        (double Value, Tensor[] Parameters) Gradients(Communicator communicator)
        {
            Tensor[] towers = [Draw.Leaf(7, 4, 3), Draw.Leaf(8, 4, 3)];
            using var drawn = new Generator(9);
            using var contrast = new InfoNCELoss((Temperature)Temperature.Learned(0.3).to(ScalarType.Float64), ContrastMode.Symmetric);
            using var structure = new CompositeLoss(
                ("contrast", new MultimodalContrastiveLoss(contrast), 1),
                ("consistency", new GeometricConsistencyLoss(), 0.7),
                ("bridge", new BrownianBridgeLoss(BridgeTime.Drawn(0.1, 0.4), generator: drawn), 0.2));
            Tensor[] parameters = [.. towers, .. structure.parameters()];
            // Rank 0 has none: 0, 1, 4, … rows, the last one the rest.
            var first = communicator.Rank == 0 ? 0 : (communicator.Rank - 1) * communicator.Rank / 2;
            var count = communicator.Rank == communicator.Size - 1 ? Rows - first : communicator.Rank;
            Tensor Own(int index) => data[index].narrow(0, first, count).matmul(towers[index % 2]);
            var result = WholeBatch.Evaluate(communicator, [Own(0), Own(1), Own(2), Own(3)], all => structure.forward(
                new ModalityFeatures(all[0], all[2]), new ModalityFeatures(all[1], all[3])));
            result.Loss.backward();
            new GradientReduction(communicator, parameters).Sum();
            return (result.BatchLoss, [.. parameters.Select(parameter => parameter.grad!.clone())]);
        }
    }

    [Fact]
    public void Ranks_that_come_to_different_values_are_told_so()
    {
        Failure(communicator => WholeBatch.Evaluate(communicator, [ones(2, 2)], all => all[0].sum() + communicator.Rank)).Should().Contain("8 on rank 0 but 9 on rank 1");
        Failure(communicator => WholeBatch.Evaluate(communicator, [ones(2, 2)], all => all[0])).Should().Contain("(4, 2)");
        Failure(communicator => WholeBatch.Evaluate(communicator, [], all => all[0])).Should().Contain("one tensor or more");
    }

    [Fact]
    public void Means_count_every_row_once()
    {
        var means = ThreadGroup.Run(3, communicator =>
        {
            var running = new RunningMeans(communicator, "loss", "accuracy", "never");
            // Rank r has r batches of r + 1 rows, with the mean r.
            for (var batch = 0; batch < communicator.Rank; batch++) running.Add("loss", communicator.Rank, communicator.Rank + 1);
            running.Add("accuracy", communicator.Rank);
            var first = running.Take();
            running.Take()["loss"].Should().Be(double.NaN);
            return first;
        });
        foreach (var mean in means)
        {
            mean["loss"].Should().BeApproximately((2.0 + (2 * 3 * 2)) / (2 + 6), 1e-15);
            mean["accuracy"].Should().BeApproximately(1, 1e-15);
            mean["never"].Should().Be(double.NaN);
        }
        Refuses(() => { _ = new RunningMeans(Communicator.Single); }, "no name");
        Refuses(() => { _ = new RunningMeans(Communicator.Single, "a", "a"); }, "'a' is there 2 times");
        Refuses(() => new RunningMeans(Communicator.Single, "a").Add("b", 1), "no 'b' among a");
        Refuses(() => new RunningMeans(Communicator.Single, "a").Add("a", 1, -1), "-1");
    }

    /// <summary>What a step sends, by the formulas of the page: b rows of D float32 numbers on each of K ranks.</summary>
    [Theory]
    [InlineData(Exchange.Gather, 2, false, 2)]
    [InlineData(Exchange.Gather, 4, false, 2)]
    [InlineData(Exchange.Ring, 2, false, 3)]
    [InlineData(Exchange.Ring, 4, false, 3)]
    [InlineData(Exchange.Whole, 4, false, 2)]
    [InlineData(Exchange.Gather, 4, true, 3)]
    [InlineData(Exchange.Ring, 4, true, 5)]
    public void Bytes_are_those_of_the_formulas(Exchange exchange, int size, bool remembers, int factor)
    {
        const int rows = 64, width = 128;
        foreach (var sent in ThreadGroup.Run(size, communicator =>
        {
            ContrastiveLoss loss = remembers ? new GammaContrastiveLoss(new BatchPartition(), memory: new CrossBatchMemory(100, width)) : new InfoNCELoss();
            var distributed = new DistributedLoss(loss, communicator, exchange);
            using var anchors = randn(rows, width, requires_grad: true);
            using var candidates = randn(rows, width, requires_grad: true);
            distributed.Evaluate(anchors, candidates).Loss.backward();
            communicator.MeetingTime.Should().BePositive();
            return communicator.BytesSent;
        }))
        {
            var formula = (double)factor * (size - 1) * rows * width * 4;
            // Beside the rows go headers and a few sums a row.
            (sent / formula).Should().BeInRange(1, 1.1);
        }
    }

    private static string Failure(Func<Communicator, DistributedResult> program)
        => new Action(() => ThreadGroup.Run(2, program)).Should().Throw<InvalidOperationException>().Which.Message;
}
