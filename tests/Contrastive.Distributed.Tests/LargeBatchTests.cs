using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>Micro-batches on each rank: between the two passes the ranks meet, and in them they do not.</summary>
public class LargeBatchTests
{
    private const int Rows = 13;

    [Theory]
    [InlineData(1, Exchange.Gather, "gamma")]
    [InlineData(2, Exchange.Gather, "gamma")]
    [InlineData(3, Exchange.Ring, "gamma")]
    [InlineData(3, Exchange.Gather, "info")]
    [InlineData(4, Exchange.Ring, "info")]
    public void Ranks_in_micro_batches_are_as_one_process_with_the_whole_batch(int size, Exchange exchange, string name)
    {
        using var scope = NewDisposeScope();
        var (left, right, ids) = (Draw.Normal(1, Rows, 5), (Draw.Normal(2, Rows, 4) * 2) + 0.3, arange(Rows, ScalarType.Int64));
        var expected = Step(Communicator.Single, (towers, loss, _) =>
        {
            var result = loss.Evaluate(left.matmul(towers[0]), right.matmul(towers[1]), ids);
            result.Loss.backward();
            return result.Loss.item<double>();
        });
        var all = ThreadGroup.Run(size, communicator => Step(communicator, (towers, loss, gradients) =>
        {
            var distributed = new DistributedLoss(loss, communicator, exchange);
            // 13 rows: 13; 1 + 12; 1 + 3 + 9; 1 + 3 + 5 + 4: with micro-batches of four some ranks have one, others several.
            var first = communicator.Rank * communicator.Rank;
            var count = communicator.Rank == communicator.Size - 1 ? Rows - first : (2 * communicator.Rank) + 1;
            DistributedResult? result = null;
            new LargeBatchStep(microBatchSize: 4, []).Backward(
                count,
                (from, rows) => [left.narrow(0, first + from, rows).matmul(towers[0]), right.narrow(0, first + from, rows).matmul(towers[1])],
                features => (result = distributed.Evaluate(features[0], features[1], ids.narrow(0, first, count))).Loss).Dispose();
            gradients.Sum();
            return result!.BatchLoss;
        }));
        foreach (var (loss, gradients) in all)
        {
            loss.Should().BeApproximately(expected.Loss, 1e-10);
            for (var i = 0; i < gradients.Length; i++) gradients[i].ShouldEqual(expected.Gradients[i], 1e-10, $"gradient {i}");
        }

        (double Loss, Tensor[] Gradients) Step(Communicator communicator, Func<Tensor[], ContrastiveLoss, GradientReduction, double> step)
        {
            Tensor[] towers = [Draw.Leaf(3, 5, 3), Draw.Leaf(4, 4, 3)];
            var temperature = (Temperature)Temperature.Learned(0.4).to(ScalarType.Float64);
            using ContrastiveLoss loss = name == "info"
                ? new InfoNCELoss(temperature, ContrastMode.Symmetric)
                : new GammaContrastiveLoss(new PartitionTable(Rows, dtype: ScalarType.Float64), temperature, ContrastMode.Symmetric);
            Tensor[] parameters = [.. towers, .. loss.parameters()];
            var value = step(towers, loss, new GradientReduction(communicator, parameters));
            return (value, [.. parameters.Select(parameter => parameter.grad!.clone())]);
        }
    }
}
