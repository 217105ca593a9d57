using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>A table cut among ranks. That a loss has the numbers of one process with it stands in <see cref="ParityTests"/>, resuming in <see cref="ResumeTests"/>.</summary>
public class ShardedTableTests
{
    /// <summary>20 steps that visit each item several times, of slices that are not alike: with the table whole, and cut.</summary>
    [Theory]
    [InlineData(1, ContrastMode.OneDirection)]
    [InlineData(2, ContrastMode.TwoViews)]
    [InlineData(3, ContrastMode.Symmetric)]
    [InlineData(4, ContrastMode.Symmetric)]
    public void A_local_exchange_has_the_numbers_of_the_whole_table(int size, ContrastMode mode)
    {
        using var scope = NewDisposeScope();
        var whole = Train(size, mode, _ => new PartitionTable(Items));
        var sharded = Train(size, mode, communicator => new ShardedPartitionTable(communicator, Items));
        sharded.Select(outcome => outcome.Rows).Max().Should().Be((Items + size - 1) / size);
        sharded.Sum(outcome => outcome.Rows).Should().Be(Items);
        for (var rank = 0; rank < size; rank++)
        {
            sharded[rank].Values.Should().HaveCount(40);
            for (var i = 0; i < 40; i++) sharded[rank].Values[i].Should().BeApproximately(whole[rank].Values[i], 1e-10, $"value {i} of rank {rank}");
        }
        for (var i = 0; i < 2; i++) sharded[0].Tables[i].ShouldEqual(whole[0].Tables[i], 1e-10);
        whole[0].Tables[1].min().item<long>().Should().BeGreaterThan(1);
    }

    [Fact]
    public void What_an_exchange_sends_for_it_says_nothing_of_the_features()
    {
        long[] Sent(int features, bool isSharded) => ThreadGroup.Run(4, communicator =>
        {
            using var order = new Generator(1);
            using var batches = new ShardedBatches(communicator, 1000, 256, order);
            using var loss = new GammaContrastiveLoss(isSharded ? new ShardedPartitionTable(communicator, 1000) : new PartitionTable(1000));
            var distributed = new DistributedLoss(loss, communicator, Exchange.Local, batches);
            using var scope = NewDisposeScope();
            var ids = batches.Next();
            var before = communicator.BytesSent;
            distributed.Evaluate(Draw.Normal(1, 64, features), Draw.Normal(2, 64, features), ids).Loss.Dispose();
            return communicator.BytesSent - before;
        });
        Sent(300, true).Should().Equal(Sent(3, true));
        // Of three quarters of its 64 rows an id, an answer of three numbers and a change of three, 8 bytes each; beside that headers and sums.
        Sent(3, true).Max().Should().BeInRange(64 * 3 / 4 * 7 * 8 / 2, 64 * 7 * 8 * 2);
    }

    [Fact]
    public void A_rank_holds_its_part_alone_and_the_module_has_no_state() => ThreadGroup.Run(3, communicator =>
    {
        using var loss = new GammaContrastiveLoss(new ShardedPartitionTable(communicator, 10, dtype: ScalarType.Float32), mode: ContrastMode.Symmetric);
        loss.named_buffers().Should().BeEmpty();
        Replicas.CheckAgreement(communicator, loss);
        ((ShardedPartitionTable)loss.Estimator).Rows.Should().Be(communicator.Rank == 2 ? 2 : 4);
        ((ShardedPartitionTable)loss.ReverseEstimator!).Samples.Should().Be(10);
    });

    [Fact]
    public void A_whole_table_comes_back_as_it_was() => ThreadGroup.Run(4, communicator =>
    {
        // Three rows on each rank but the last, which has none.
        using var table = new ShardedPartitionTable(communicator, 9);
        using var whole = new PartitionTable(9);
        whole.LogPartition.copy_(Draw.Normal(communicator.Rank, 9));
        whole.Visits.copy_(arange(9, ScalarType.Int64));
        table.Scatter(whole);
        using var back = table.Gather();
        (back is null).Should().Be(communicator.Rank != 0);
        if (back is null) return;
        back.LogPartition.ShouldEqual(Draw.Normal(0, 9), 0);
        back.Visits.data<long>().ToArray().Should().Equal(Enumerable.Range(0, 9).Select(id => (long)id));
    });

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Refuses(() => { _ = new ShardedPartitionTable(Communicator.Single, 1); }, "samples");
        Refuses(() => { _ = new ShardedPartitionTable(Communicator.Single, 4, dtype: ScalarType.Float16); }, "Float16");
        using var table = new ShardedPartitionTable(Communicator.Single, 4);
        Refuses(() => table.Scatter(new PartitionTable(5)), "whole has 5 samples of Float64 but this table has 4 of Float64");
        Refuses(() => table.Scatter(null), "whole");
        using var loss = new GammaContrastiveLoss(table);
        var rows = Draw.Normal(1, 2, 3);
        Refuses(() => loss.Evaluate(rows, rows), "sampleIds are missing");
        Refuses(() => loss.Evaluate(rows, rows, tensor(new long[] { 0, 4 })), "must lie in [0, 3] but reach from 0 to 4");
        new Action(() => ThreadGroup.Run(2, communicator => new DistributedLoss(loss, communicator))).Should().Throw<InvalidOperationException>()
            .WithMessage("*rank 0 of 1 but the loss of rank*");
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        using var loss = new GammaContrastiveLoss(new ShardedPartitionTable(Communicator.Single, 20), Temperature.Fixed(0.3), ContrastMode.Symmetric);
        using var rows = Draw.Normal(1, 6, 3);
        using var others = Draw.Normal(2, 6, 3);
        using var ids = arange(6, ScalarType.Int64);
        TensorCount.ShouldStay(() =>
        {
            using var result = loss.Evaluate(rows, others, ids);
        });
    }

    private const int Items = 11;

    private static (double[] Values, Tensor[] Tables, long Rows)[] Train(int size, ContrastMode mode, Func<Communicator, PartitionEstimator> create)
        => ThreadGroup.Run(size, communicator =>
        {
            using var order = new Generator(5);
            using var batches = new ShardedBatches(communicator, Items, 9, order);
            using var loss = new GammaContrastiveLoss(create(communicator), Temperature.Fixed(0.5), mode);
            var distributed = new DistributedLoss(loss, communicator, Exchange.Local, batches);
            Tensor[] weights = [Draw.Leaf(3, 5, 3), Draw.Leaf(4, 4, 3)];
            var gradients = new GradientReduction(communicator, weights);
            var (left, right, values) = (Draw.Normal(1, Items, 5), (Draw.Normal(2, Items, 4) * 2) + 0.3, new List<double>());
            for (var step = 0; step < 20; step++)
            {
                foreach (var weight in weights) weight.grad?.zero_();
                var ids = batches.Next();
                var result = distributed.Evaluate(left[ids].matmul(weights[0]), right[ids].matmul(weights[1]), ids);
                result.Loss.backward();
                gradients.Sum();
                using var constant = no_grad();
                foreach (var weight in weights) weight.add_(weight.grad! * -0.05);
                values.AddRange([result.BatchLoss, result.BatchObjective]);
            }
            var whole = loss.Estimator is ShardedPartitionTable sharded ? sharded.Gather() : (PartitionTable)loss.Estimator;
            Tensor[] tables = whole is null ? [] : [whole.LogPartition.clone(), whole.Visits.clone()];
            return (values.ToArray(), tables, loss.Estimator is ShardedPartitionTable { Rows: var rows } ? rows : 0);
        });
}
