using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>The exchange of table rows alone: unbiased over the ways to cut a batch into ranks.</summary>
public class LocalTests
{
    /// <summary>Six items of a batch in all 15 pairs of slices of two and four: the mean of the gradients is that of the whole batch.</summary>
    [Theory]
    [InlineData(ContrastMode.OneDirection)]
    [InlineData(ContrastMode.Symmetric)]
    [InlineData(ContrastMode.TwoViews)]
    public void The_mean_over_all_ways_to_cut_is_the_gradient_of_the_whole(ContrastMode mode)
    {
        using var scope = NewDisposeScope();
        var (left, right) = (Draw.Leaf(1, 6, 3), Draw.Leaf(2, 6, 3));
        using var whole = Loss(mode);
        var expected = Gradients.Of(whole.forward(left, right, arange(6, dtype: ScalarType.Int64)), left, right);
        var sums = new[] { zeros_like(expected[0]), zeros_like(expected[1]) };
        var cuts = 0;
        for (var a = 0; a < 6; a++)
        {
            for (var b = a + 1; b < 6; b++, cuts++)
            {
                long[][] slices = [[a, b], [.. Enumerable.Range(0, 6).Where(i => i != a && i != b).Select(i => (long)i)]];
                foreach (var slice in slices)
                {
                    using var loss = Loss(mode);
                    var ids = tensor(slice);
                    var share = loss.forward(left[ids], right[ids], ids) * ((double)slice.Length / 6);
                    foreach (var (sum, gradient) in sums.Zip(Gradients.Of(share, left, right))) sum.add_(gradient);
                }
            }
        }
        cuts.Should().Be(15);
        for (var i = 0; i < 2; i++) (sums[i] / 15).ShouldEqual(expected[i], 1e-10);
    }

    /// <summary>The ranks' shares are those that the enumeration adds up, and all ranks have all table rows.</summary>
    [Fact]
    public void Shares_of_uneven_ranks_add_up_and_tables_agree()
    {
        var outcomes = ThreadGroup.Run(2, communicator =>
        {
            using var generator = new Generator(7);
            using var batches = new ShardedBatches(communicator, items: 5, batchSize: 5, generator);
            var ids = batches.Next();
            var (left, right) = (Draw.Leaf(1, 6, 3), Draw.Leaf(2, 6, 3));
            var loss = Loss(ContrastMode.Symmetric);
            var result = new DistributedLoss(loss, communicator, Exchange.Local, batches).Evaluate(left[ids], right[ids], ids);
            result.Loss.backward();
            using var alone = Loss(ContrastMode.Symmetric);
            var expected = Gradients.Of(alone.forward(left[ids], right[ids], ids) * (ids.shape[0] / 5.0), left, right);
            left.grad!.ShouldEqual(expected[0], 1e-12);
            right.grad!.ShouldEqual(expected[1], 1e-12);
            Replicas.CheckAgreement(communicator, loss);
            return (Ids: ids.data<long>().ToArray(), Share: result.Loss.item<double>(), result.BatchLoss, Visits: ((PartitionTable)loss.Estimator).Visits.data<long>().ToArray());
        });
        outcomes.SelectMany(outcome => outcome.Ids).Order().Should().Equal(0, 1, 2, 3, 4);
        outcomes[0].BatchLoss.Should().BeApproximately(outcomes.Sum(outcome => outcome.Share), 1e-12);
        outcomes[1].Visits.Should().Equal(3, 3, 3, 3, 3, 2);
    }

    /// <summary>Three ranks remember rows of their own; what they resume with, on any number of ranks, is the newest of all.</summary>
    [Fact]
    public void Memories_of_ranks_are_pooled_by_age()
    {
        var pooled = ThreadGroup.Run(3, communicator =>
        {
            var memory = new CrossBatchMemory(4, 1, dtype: ScalarType.Float64) { Length = 2 };
            // Rank r has r + 1 rows: 10 r + 1, 10 r + 2, …, the newest last; of candidates rank 1 alone has one.
            var rows = arange((10 * communicator.Rank) + 1, (11 * communicator.Rank) + 2, 1, ScalarType.Float64).unsqueeze(1);
            var others = full([communicator.Rank == 1 ? 1 : 0, 1], 7.0, dtype: ScalarType.Float64);
            memory.Enqueue(rows, others, rows.squeeze(1).to(ScalarType.Int64), null, rows.squeeze(1), null);
            Replicas.Pool(communicator, memory);
            Replicas.CheckAgreement(communicator, memory);
            memory.Length.Should().Be(2);
            memory.Length = 4;
            var (anchors, ids, weights) = memory.NewestAnchors()!.Value;
            weights.ShouldEqual(anchors.squeeze(1), 0);
            memory.NewestCandidates()!.Value.Rows.data<double>().ToArray().Should().Equal(7);
            return ids.data<long>().ToArray();
        });
        // Oldest first: 21 is three rows old; 11 and 22 two, of which the former makes room; 1, 12 and 23 are the newest.
        pooled[0].Should().Equal(22, 1, 12, 23);
    }

    [Fact]
    public void A_memory_of_each_rank_s_own_goes_on_with_fewer_ranks()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Path("run.ckpt");
        void Run(int size, bool saves) => ThreadGroup.Run(size, communicator =>
        {
            using var scope = NewDisposeScope();
            using var order = new Generator(7);
            using var batches = new ShardedBatches(communicator, items: 30, batchSize: 12, order);
            using var memory = new CrossBatchMemory(8, 3, dtype: ScalarType.Float64);
            using var loss = new GammaContrastiveLoss(new PartitionTable(30), Temperature.Fixed(0.5), ContrastMode.Symmetric, memory: memory);
            var distributed = new DistributedLoss(loss, communicator, Exchange.Local, batches);
            var parts = new CheckpointParts().Module("loss", loss).Module("batches", batches).Generator("order", order);
            if (!saves)
            {
                CheckpointFile.Open(path).Restore(parts);
                memory.Count.Should().Be(8);
            }
            for (var step = 0; step < 3; step++)
            {
                var ids = batches.Next();
                double.IsFinite(distributed.Evaluate(Draw.Normal(1, 30, 3)[ids], Draw.Normal(2, 30, 3)[ids], ids).BatchLoss).Should().BeTrue();
            }
            new Action(() => Replicas.CheckAgreement(communicator, memory)).Should().Throw<InvalidOperationException>("each rank remembers its own");
            Replicas.Pool(communicator, memory);
            Replicas.CheckAgreement(communicator, loss, batches);
            if (saves && communicator.Rank == 0) CheckpointFile.Save(path, batches.Step, parts);
        });
        Run(4, saves: true);
        Run(2, saves: false);
    }

    [Fact]
    public void It_takes_what_ShardedBatches_dealt_out_last_and_two_rows_a_rank()
    {
        Refuses(() => { _ = new DistributedLoss(Loss(ContrastMode.OneDirection), Communicator.Single, Exchange.Local); }, "ShardedBatches");
        Refuses(() => { _ = new DistributedLoss(new InfoNCELoss(), Communicator.Single, Exchange.Gather, new ShardedBatches(Communicator.Single, 4, 4, new Generator(1))); }, "no other exchange");
        Failure(4, 4, fixedIds: true).Should().Contain("items that it did not deal out");
        Failure(4, 3, fixedIds: false).Should().Contain("rank 0 has 1 of the 3 rows");

        static string Failure(long items, long size, bool fixedIds) => new Action(() => ThreadGroup.Run(2, communicator =>
        {
            using var generator = new Generator(1);
            using var batches = new ShardedBatches(communicator, items, size, generator);
            var ids = batches.Next();
            if (fixedIds) ids = tensor(new long[] { 5, 5 });
            var features = Draw.Normal(1, ids.shape[0], 3);
            new DistributedLoss(Loss(ContrastMode.OneDirection), communicator, Exchange.Local, batches).Evaluate(features, features, ids);
        })).Should().Throw<InvalidOperationException>().Which.Message;
    }

    /// <summary>A table whose estimates come from earlier visits, so that u does not depend on the cut.</summary>
    private static GammaContrastiveLoss Loss(ContrastMode mode)
    {
        PartitionTable Table(long seed)
        {
            var table = new PartitionTable(6, includeCurrentBatch: false, population: mode == ContrastMode.TwoViews ? 11 : 6);
            table.LogPartition.copy_(Draw.Normal(seed, 6) + 2);
            table.Visits.fill_(2);
            return table;
        }
        return new GammaContrastiveLoss(Table(11), Temperature.Fixed(0.5), mode, reverseEstimator: mode == ContrastMode.Symmetric ? Table(12) : null);
    }
}
