using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>Ranks against one process with the whole batch: values, gradients, tables and weights.</summary>
public class ParityTests
{
    private const int Rows = 13;

    public static TheoryData<string, Exchange, int> Cases
    {
        get
        {
            var data = new TheoryData<string, Exchange, int>();
            foreach (var loss in new[] { "info", "info symmetric", "info views", "info labels", "gamma", "gamma symmetric", "gamma views", "gamma sum", "gamma repeats" })
                foreach (var exchange in new[] { Exchange.Gather, Exchange.Ring })
                    foreach (var size in new[] { 1, 2, 3, 4 })
                        data.Add(loss, exchange, size);
            foreach (var loss in new[] { "gamma sharded", "gamma sharded symmetric", "gamma sharded views", "gamma sharded repeats", "gamma memory", "gamma memory symmetric", "gamma memory views", "gamma memory repeats", "gamma memory sharded sum" })
                foreach (var exchange in new[] { Exchange.Gather, Exchange.Ring, Exchange.Whole })
                    foreach (var size in new[] { 1, 2, 3, 4 })
                        data.Add(loss, exchange, size);
            foreach (var loss in new[] { "sigmoid", "decoupled", "hard symmetric", "smoothed", "info memory", "info labels", "gamma queue", "gamma drawn views", "gamma memory symmetric" })
                foreach (var size in new[] { 1, 2, 3 })
                    data.Add(loss, Exchange.Whole, size);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ranks_train_as_one_process_does(string name, Exchange exchange, int size)
    {
        using var scope = NewDisposeScope();
        var expected = TrainAlone(name);
        var outcomes = ThreadGroup.Run(size, communicator => TrainTogether(communicator, name, exchange));
        outcomes[0].Tensors.Should().HaveCount(expected.Tensors.Length);
        foreach (var actual in outcomes)
        {
            actual.Values.Should().HaveCount(expected.Values.Length);
            for (var i = 0; i < expected.Values.Length; i++) actual.Values[i].Should().BeApproximately(expected.Values[i], 1e-10, $"value {i}");
            // Of tables that are cut among ranks, rank 0 shows the whole.
            for (var i = 0; i < actual.Tensors.Length; i++) actual.Tensors[i].ShouldEqual(expected.Tensors[i], 1e-10, $"tensor {i}");
        }
    }

    private sealed record Outcome(double[] Values, Tensor[] Tensors);

    private static ContrastiveLoss Loss(string name, Communicator? ranks = null)
    {
        var mode = name.EndsWith("symmetric", StringComparison.Ordinal) ? ContrastMode.Symmetric
            : name.EndsWith("views", StringComparison.Ordinal) ? ContrastMode.TwoViews : ContrastMode.OneDirection;
        // In float64, as all else: the steps of a float32 would hide what is compared.
        var temperature = (Temperature)Temperature.Learned(0.4).to(ScalarType.Float64);
        return name.Split(' ')[0] switch
        {
            "sigmoid" => (ContrastiveLoss)new SigmoidContrastiveLoss(temperature, initialBias: -2).to(ScalarType.Float64),
            "decoupled" => new InfoNCELoss(temperature, mode, decoupled: true),
            "hard" => new InfoNCELoss(temperature, mode, hardNegatives: new HardNegatives(0.5, 0.05)),
            "smoothed" => new InfoNCELoss(temperature, mode, labelSmoothing: 0.1),
            _ => Standard(name, temperature, mode, ranks),
        };
    }

    private static ContrastiveLoss Standard(string name, Temperature temperature, ContrastMode mode, Communicator? ranks)
    {
        if (ranks is not null && name.Contains("sharded", StringComparison.Ordinal))
            return new GammaContrastiveLoss(new ShardedPartitionTable(ranks, 40), temperature, mode, reduction: Reduction(name), memory: Memory(name));
        if (name == "gamma queue") return new GammaContrastiveLoss(new PartitionQueue(20, 3, 40, dtype: ScalarType.Float64), temperature, mode);
        if (name.Contains("drawn", StringComparison.Ordinal))
            return new GammaContrastiveLoss(new PartitionTable(40, dtype: ScalarType.Float64), temperature, mode, eStep: EStep.Sampled, generator: new Generator(6));
        return name.StartsWith("info", StringComparison.Ordinal)
            ? new InfoNCELoss(temperature, mode, memory: Memory(name))
            : new GammaContrastiveLoss(
                new PartitionTable(40), temperature, mode, memory: Memory(name), reduction: Reduction(name));
    }

    private static nn.Reduction Reduction(string name) => name.EndsWith("sum", StringComparison.Ordinal) ? nn.Reduction.Sum : nn.Reduction.Mean;

    /// <summary>Of two batches and a part of a third.</summary>
    private static CrossBatchMemory? Memory(string name)
        => name.Contains("memory", StringComparison.Ordinal) ? new CrossBatchMemory(30, 3, dtype: ScalarType.Float64) : null;

    /// <summary>Asymmetric: the sides differ in width and in size, and no shard is like another.</summary>
    private static (Tensor Left, Tensor Right, Tensor[] Weights, Tensor? Ids, Tensor? Labels) Data(string name)
    {
        var views = name.EndsWith("views", StringComparison.Ordinal);
        return (
            Draw.Normal(1, Rows, 5), Draw.Normal(2, Rows, views ? 5 : 4) * 2 + 0.3, [Draw.Leaf(3, 5, 3), Draw.Leaf(4, views ? 5 : 4, 3)],
            name.EndsWith("repeats", StringComparison.Ordinal) ? tensor(new long[] { 0, 1, 2, 3, 4, 5, 0, 7, 8, 9, 1, 11, 12 })
                : name.StartsWith("gamma", StringComparison.Ordinal) ? arange(20, 20 + Rows, dtype: ScalarType.Int64) : null,
            name.EndsWith("labels", StringComparison.Ordinal) ? tensor(new long[] { 0, 1, 2, 0, 1, 2, 3, 3, 0, 1, 2, 4, 4 }) : null);
    }

    private static Outcome TrainAlone(string name)
    {
        var (left, right, weights, ids, labels) = Data(name);
        using var loss = Loss(name);
        var pairs = labels is null ? null : PairMap.FromLabels(labels, labels.clone());
        return Train(loss, weights, () => { }, () =>
        {
            var result = loss.Evaluate(left.matmul(weights[0]), right.matmul(weights[1]), ids, pairs);
            return (result.Loss, result.Loss.item<double>(), result.Objective.item<double>());
        });
    }

    private static Outcome TrainTogether(Communicator communicator, string name, Exchange exchange)
    {
        var (left, right, weights, ids, labels) = Data(name);
        using var loss = Loss(name, communicator);
        var distributed = new DistributedLoss(loss, communicator, exchange);
        var gradients = new GradientReduction(communicator, weights.Concat(loss.parameters()), bucketBytes: 100);
        // 13 rows: 13; 1 + 12; 1 + 3 + 9; 1 + 3 + 5 + 4.
        var first = communicator.Rank * communicator.Rank;
        var count = communicator.Rank == communicator.Size - 1 ? Rows - first : (2 * communicator.Rank) + 1;
        Tensor Shard(Tensor all) => all.narrow(0, first, count);
        return Train(loss, weights, gradients.Sum, () =>
        {
            var result = distributed.Evaluate(
                Shard(left).matmul(weights[0]), Shard(right).matmul(weights[1]), ids is null ? null : Shard(ids), labels is null ? null : Shard(labels));
            return (result.Loss, result.BatchLoss, result.BatchObjective);
        });
    }

    private static Outcome Train(ContrastiveLoss loss, Tensor[] weights, Action reduce, Func<(Tensor Loss, double Value, double Objective)> step)
    {
        var (values, tensors) = (new List<double>(), new List<Tensor>());
        Tensor[] parameters = [.. weights, .. loss.parameters()];
        for (var i = 0; i < 20; i++)
        {
            foreach (var parameter in parameters) parameter.grad?.zero_();
            var (share, value, objective) = step();
            share.backward();
            reduce();
            values.AddRange([value, objective]);
            if (i is 0 or 19) tensors.AddRange(parameters.Select(parameter => parameter.grad!.clone()));
            using var constant = no_grad();
            foreach (var parameter in parameters) parameter.add_(parameter.grad! * -0.05);
        }
        tensors.AddRange(parameters.Select(parameter => parameter.detach().clone()));
        if (loss is GammaContrastiveLoss { Memory: { } memory })
            tensors.AddRange(new[] { "anchors", "anchor_ids", "anchor_log_weights", "candidates", "position" }.Select(name => memory.get_buffer(name)!.clone()));
        if (loss is GammaContrastiveLoss gamma)
            foreach (var table in new[] { gamma.Estimator, gamma.ReverseEstimator }.Select(Whole).OfType<PartitionTable>())
                tensors.AddRange([table.LogPartition.clone(), table.Visits.clone()]);
        return new Outcome([.. values], [.. tensors]);

        static PartitionEstimator? Whole(PartitionEstimator? estimator) => estimator is ShardedPartitionTable sharded ? sharded.Gather() : estimator;
    }
}
