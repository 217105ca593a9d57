using System.Globalization;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Program;

/// <summary>Steps of a symmetric loss with a table and a learned temperature, on uneven shards of the same data.</summary>
internal static class Training
{
    public static string Run(Communicator communicator)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var (left, right) = (randn([11, 4], dtype: ScalarType.Float64, generator: generator), randn([11, 5], dtype: ScalarType.Float64, generator: generator));
        var weights = new[] { randn([4, 3], dtype: ScalarType.Float64, generator: generator), randn([5, 3], dtype: ScalarType.Float64, generator: generator) };
        foreach (var weight in weights) weight.requires_grad_();
        using var loss = new GammaContrastiveLoss(new PartitionTable(11), Temperature.Learned(0.5), ContrastMode.Symmetric);
        var distributed = new DistributedLoss(loss, communicator, communicator.Size == 3 ? Exchange.Ring : Exchange.Gather);
        var gradients = new GradientReduction(communicator, weights.Concat(loss.parameters()));
        // Rank 0 has one row, rank 1 three, …, the last one the rest.
        var (rank, size) = (communicator.Rank, communicator.Size);
        var first = rank * rank;
        var count = rank == size - 1 ? 11 - first : (2 * rank) + 1;
        var ids = arange(first, first + count, 1, ScalarType.Int64);
        var value = 0.0;
        for (var step = 0; step < 5; step++)
        {
            foreach (var parameter in weights.Concat(loss.parameters())) parameter.grad?.zero_();
            var result = distributed.Evaluate(left[ids].matmul(weights[0]), right[ids].matmul(weights[1]), ids);
            result.Loss.backward();
            gradients.Sum();
            using var constant = no_grad();
            using var rate = TorchSharp.ScalarExtensionMethods.ToScalar(-0.1);
            foreach (var parameter in weights.Concat(loss.parameters())) parameter.add_(parameter.grad!, rate);
            value = result.BatchObjective;
        }
        double[] sums = [value, loss.Temperature.Value, .. weights.Select(weight => weight.norm().item<double>()), ((PartitionTable)loss.Estimator).LogPartition.norm().item<double>()];
        return "trained " + string.Join(' ', sums.Select(sum => sum.ToString("R", CultureInfo.InvariantCulture)));
    }
}
