using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

public class CommunicatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Rows_and_sums_go_where_they_belong(int size) => ThreadGroup.Run(size, communicator =>
    {
        using var scope = NewDisposeScope();
        var rank = communicator.Rank;
        foreach (var type in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64, ScalarType.Int64 })
        {
            var sum = full([2, 3], (rank + 1).ToScalar(), dtype: type).t();
            communicator.AllReduce(sum);
            sum.to(ScalarType.Float64).ShouldEqual(full([3, 2], (size * (size + 1) / 2.0).ToScalar(), dtype: ScalarType.Float64));
        }
        var all = communicator.AllGatherRows(Own(rank));
        all.ShouldEqual(cat([.. Enumerable.Range(0, size).Select(Own)]));
        communicator.ReduceScatterRows(all, [.. Enumerable.Range(0, size).Select(other => (long)other)]).ShouldEqual(Own(rank) * size);
        communicator.Shift(Own(rank)).ShouldEqual(Own((rank + size - 1) % size));
        var root = full(2, rank.ToScalar(), dtype: ScalarType.Int64);
        communicator.Broadcast(root, size - 1);
        root.data<long>().ToArray().Should().Equal(size - 1, size - 1);
        // Rank r has q + 1 rows of the number 10 r + q for rank q.
        var rows = cat([.. Enumerable.Range(0, size).Select(other => full([other + 1, 1], ((10 * rank) + other).ToScalar(), dtype: ScalarType.Float64))]);
        communicator.ExchangeRows(rows, [.. Enumerable.Range(1, size).Select(count => (long)count)]).ShouldEqual(
            cat([.. Enumerable.Range(0, size).Select(other => full([rank + 1, 1], ((10 * other) + rank).ToScalar(), dtype: ScalarType.Float64))]));
        communicator.Barrier();

        // Rank 0 has none.
        static Tensor Own(int owner) => Draw.Normal(owner + 1, owner, 2);
    });

    [Fact]
    public void What_does_not_fit_together_is_refused_on_all_ranks()
    {
        Failure(communicator => communicator.AllGatherRows(zeros(1, 2 + communicator.Rank))).Should().Contain("rows of rank 1 have 3 numbers");
        Failure(communicator => communicator.AllReduce(zeros(1 + communicator.Rank))).Should().Contain("rank 1 has 2 numbers");
        Failure(communicator => communicator.ReduceScatterRows(zeros(3, 1), communicator.Rank == 0 ? [1, 2] : [2, 1])).Should().Contain("rank 1 says");
        Failure(communicator => communicator.Broadcast(zeros(1), 2)).Should().Contain("root must be one of the ranks 0 to 1");
        Failure(communicator => communicator.AllReduce(zeros(1, dtype: ScalarType.Bool))).Should().Contain("Bool");
        Failure(communicator => communicator.ExchangeRows(zeros(3, 1), [1, 1])).Should().Contain("counts add up to 2 but there are 3 rows");
    }

    [Fact]
    public void A_rank_that_fails_ends_or_hangs_is_named()
    {
        Failure(communicator =>
        {
            if (communicator.Rank == 1) throw new InvalidOperationException("broken");
            communicator.Barrier();
        }).Should().Contain("rank 1 of 2 failed: broken");
        Failure(communicator =>
        {
            if (communicator.Rank == 0) communicator.Barrier();
        }).Should().Contain("rank 1 has ended");
        Failure(communicator =>
        {
            if (communicator.Rank == 1) Thread.Sleep(3000);
            communicator.Barrier();
        }, TimeSpan.FromSeconds(0.3)).Should().Contain("for rank 1").And.Contain("still at work");
        Failure(communicator =>
        {
            if (communicator.Rank == 1) communicator.Barrier();
            else communicator.AllReduce(zeros(1));
        }).Should().Contain("is in");
        Failure(communicator => communicator.Abort("enough")).Should().Contain("enough");
    }

    /// <summary>A rank that gave up is not in step with the others: what it gave up is never taken for what a rank does later.</summary>
    [Fact]
    public void After_a_deadline_every_operation_of_every_rank_fails()
    {
        var stories = new string[2];
        using var gaveUp = new ManualResetEventSlim();
        Failure(communicator =>
        {
            if (communicator.Rank == 0) communicator.Invoking(rank => rank.Barrier()).Should().Throw<TimeoutException>();
            else gaveUp.Wait(TimeSpan.FromMinutes(1)).Should().BeTrue();
            gaveUp.Set();
            for (var i = 0; i < 2; i++)
                stories[communicator.Rank] = communicator.Invoking(rank => rank.Barrier()).Should().Throw<InvalidOperationException>().Which.Message;
        }, TimeSpan.FromSeconds(1)).Should().Contain("for rank 1");
        stories.Should().AllBe("rank 0 of 2 failed: rank 0 waited 1 s in Barrier, for rank 1");
    }

    [Fact]
    public void After_ranks_were_in_different_operations_every_operation_fails()
    {
        Failure(communicator =>
        {
            var isFirst = communicator.Rank == 0;
            communicator.Invoking(rank => rank.AllReduce(zeros(1))).Should().NotThrow();
            var mine = () =>
            {
                if (isFirst) communicator.Barrier();
                else communicator.AllReduce(zeros(1));
            };
            mine.Should().Throw<InvalidOperationException>().WithMessage("*is in*");
            for (var i = 0; i < 2; i++) communicator.Invoking(rank => rank.Barrier()).Should().Throw<InvalidOperationException>().WithMessage("*is in AllGatherRows but rank 0 is in Barrier");
        }, TimeSpan.FromSeconds(5)).Should().EndWith("rank 1 is in AllGatherRows but rank 0 is in Barrier");
    }

    [Fact]
    public void Replicas_get_the_weights_of_rank_0_and_differences_are_named()
    {
        ThreadGroup.Run(3, communicator =>
        {
            using var tower = nn.Linear(3, 2);
            using (no_grad()) tower.weight!.fill_((1.0 + communicator.Rank).ToScalar());
            Replicas.Broadcast(communicator, tower);
            Replicas.CheckAgreement(communicator, tower);
            tower.weight!.sum().item<float>().Should().Be(6);
        });
        Failure(communicator =>
        {
            using var tower = nn.Linear(3, 2);
            Replicas.Broadcast(communicator, tower);
            using (no_grad()) if (communicator.Rank == 1) tower.bias!.add_(1e-6);
            Replicas.CheckAgreement(communicator, tower);
        }).Should().Contain("bias of module 0").And.Contain("rank 1");
    }

    /// <summary>As many numbers, which would go to other weights.</summary>
    [Fact]
    public void Replicas_of_other_tensors_are_refused_on_all_ranks()
    {
        Messages(rank => nn.Linear(rank == 1 ? 4 : 2, rank == 1 ? 2 : 4, hasBias: false))
            .Should().AllBe("the modules' tensors: number 0 is weight of module 0 (Linear), Float32 (2, 4), on rank 1 but weight of module 0 (Linear), Float32 (4, 2), on rank 0");
        Messages(rank => rank == 1
                ? nn.Sequential(("right", nn.Linear(2, 2, hasBias: false)), ("left", nn.Linear(2, 2, hasBias: false)))
                : nn.Sequential(("left", nn.Linear(2, 2, hasBias: false)), ("right", nn.Linear(2, 2, hasBias: false))))
            .Should().AllSatisfy(message => message.Should().StartWith("the modules' tensors: number 0 is right.weight of module 0").And.Contain("on rank 1 but left.weight of module 0"));
        Messages(rank => nn.Linear(2, 2, hasBias: rank == 0)).Should().AllBe("the modules' tensors: rank 1 has 1 but rank 0 has 2");

        static string[] Messages(Func<int, nn.Module> module) => ThreadGroup.Run(2, communicator =>
        {
            using var own = module(communicator.Rank);
            using var before = own.parameters().First().detach().clone();
            var message = new Action(() => Replicas.Broadcast(communicator, own)).Should().Throw<InvalidOperationException>().Which.Message;
            new Action(() => Replicas.CheckAgreement(communicator, own)).Should().Throw<InvalidOperationException>().WithMessage(message);
            own.parameters().First().ShouldEqual(before, 0);
            return message;
        });
    }

    [Fact]
    public void Missing_gradients_are_zeros_and_those_of_no_rank_stay_missing() => ThreadGroup.Run(2, communicator =>
    {
        Tensor[] parameters = [Draw.Leaf(1, 3), Draw.Leaf(2, 2, 2), Draw.Leaf(3, 1)];
        if (communicator.Rank == 1) (parameters[1] * 2).sum().backward();
        (parameters[0] * (communicator.Rank + 1)).sum().backward();
        new GradientReduction(communicator, [.. parameters, parameters[0]], bucketBytes: 8).Sum();
        parameters[0].grad!.ShouldEqual(full(3, 3.0.ToScalar(), dtype: ScalarType.Float64));
        parameters[1].grad!.ShouldEqual(full([2, 2], 2.0.ToScalar(), dtype: ScalarType.Float64));
        parameters[2].grad.Should().BeNull();
    });

    [Fact]
    public void Batches_are_the_same_whatever_the_ranks()
    {
        var alone = Epoch(1)[0];
        alone.Select(batch => batch.Length).Should().Equal(4, 4, 3, 4, 4, 3);
        foreach (var size in new[] { 2, 3, 4 })
        {
            var slices = Epoch(size);
            for (var step = 0; step < alone.Length; step++) slices.SelectMany(rank => rank[step]).Should().Equal(alone[step]);
        }
        Failure(communicator =>
        {
            using var generator = new Generator((ulong)communicator.Rank);
            new ShardedBatches(communicator, 50, 4, generator).Next();
        }).Should().Contain("drew another order");

        static long[][][] Epoch(int size) => ThreadGroup.Run(size, communicator =>
        {
            using var generator = new Generator(5);
            using var batches = new ShardedBatches(communicator, 11, 4, generator, keepsRemainder: true);
            return Enumerable.Range(0, 6).Select(_ => batches.Next().data<long>().ToArray()).ToArray();
        });
    }

    /// <summary>Batches of 4, 4 and 3 of 11 items, and with 4 ranks one that has nothing of the last.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_slice_of_what_the_whole_batch_has_is_of_the_ranks_own_ids(int size)
        => ThreadGroup.Run(size, communicator =>
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(5);
            using var batches = new ShardedBatches(communicator, 11, 4, generator, keepsRemainder: true);
            FluentActions.Invoking(() => batches.Slice(zeros(4))).Should().Throw<InvalidOperationException>().WithMessage("no batch was taken*");
            for (var step = 0; step < 5; step++)
            {
                var own = batches.Next();
                var batch = communicator.AllGatherRows(own);
                batches.Slice(batch).data<long>().ToArray().Should().Equal(own.data<long>().ToArray());
                batches.Slice(stack([batch, batch.neg()], 1)).shape.Should().Equal(own.numel(), 2);
                var count = batch.shape[0];
                Refuses(() => batches.Slice(zeros(count + 1, 2)), $"rows must have one row per item of the batch, {count}, but have the shape ({count + 1}, 2)");
                Refuses(() => batches.Slice(zeros([])), $"rows must have one row per item of the batch, {count}, but have the shape ()");
            }
        });

    [Fact]
    public void The_launcher_is_told_by_its_variables()
    {
        Find().Should().BeNull();
        Find(("OMPI_COMM_WORLD_SIZE", "3"))!.Libraries[0].Dialect.Should().Be(MpiDialect.OpenMpi);
        Find(("PMI_SIZE", "2"))!.Libraries[0].Should().Be(("libmpich.so.12", MpiDialect.Mpich));
        Find(("SLURM_STEP_NUM_TASKS", "2"), ("PMIX_RANK", "0"))!.Size.Should().Be(2);
        new Action(() => Find(("SLURM_STEP_NUM_TASKS", "2"))).Should().Throw<InvalidOperationException>().WithMessage("*--mpi=pmix*");

        static Launcher? Find(params (string Name, string Value)[] variables)
            => Launcher.Find(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
    }

    [Fact]
    public void Losses_that_cannot_be_spread_are_refused_by_name()
    {
        Refuses(() => { _ = new DistributedLoss(new SigmoidContrastiveLoss(), Communicator.Single); }, "SigmoidContrastiveLoss cannot be spread");
        Refuses(() => { _ = new DistributedLoss(new InfoNCELoss(decoupled: true), Communicator.Single); }, "standard form");
        Refuses(() => { _ = new DistributedLoss(new InfoNCELoss(reduction: nn.Reduction.None), Communicator.Single); }, "no reduction");
        Refuses(() => { _ = new DistributedLoss(new GammaContrastiveLoss(new PartitionQueue(4, 3)), Communicator.Single); }, "PartitionQueue");
        Refuses(() => { _ = new DistributedLoss(new GammaContrastiveLoss(new PartitionTable(4), eStep: EStep.Sampled), Communicator.Single); }, "Sampled");
        Refuses(() => new DistributedLoss(new GammaContrastiveLoss(new BatchPartition(), memory: new CrossBatchMemory(4, 3)), Communicator.Single)
            .Evaluate(ones(2, 3), ones(2, 3), labels: arange(2, ScalarType.Int64)), "remembered rows have no labels");
        Refuses(() => { _ = new DistributedLoss(new InfoNCELoss(memory: new CrossBatchMemory(4, 3)), Communicator.Single, Exchange.Ring); }, "memory");
        Failure(communicator => new DistributedLoss(new InfoNCELoss(), communicator).Evaluate(ones(2, 3 + communicator.Rank), ones(2, 3 + communicator.Rank)))
            .Should().Contain("rank 1 has 4 but rank 0 has 3");
    }

    private static string Failure(Action<Communicator> program, TimeSpan? deadline = null)
        => new Action(() => ThreadGroup.Run(2, program, deadline)).Should().Throw<InvalidOperationException>().Which.Message;
}
