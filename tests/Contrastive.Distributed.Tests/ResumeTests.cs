using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>A run goes on with another number of ranks: the same batches, the same numbers.</summary>
public class ResumeTests
{
    [Theory]
    [InlineData(4, 2, false)]
    [InlineData(4, 3, false)]
    [InlineData(1, 4, false)]
    [InlineData(3, 1, false)]
    [InlineData(4, 2, true)]
    [InlineData(4, 3, true)]
    [InlineData(4, 1, true)]
    [InlineData(1, 4, true)]
    public void A_run_goes_on_with_other_ranks(int before, int after, bool isSharded)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.Path("run.ckpt");
        var expected = Run(1, isSharded: false, run => run.Train(16))[0];
        // In the middle of the third epoch, of batches of 8, 8 and 7.
        Run(before, isSharded, run =>
        {
            run.Train(7);
            run.Save(path);
            return run.Outcome();
        });
        foreach (var actual in Run(after, isSharded, run =>
        {
            run.Restore(path);
            return run.Train(9);
        }))
        {
            for (var i = 0; i < actual.Length; i++) actual[i].ShouldEqual(expected[i], 1e-10, $"tensor {i}");
        }
    }

    private static Tensor[][] Run(int size, bool isSharded, Func<TrainingRun, Tensor[]> program) => ThreadGroup.Run(size, communicator =>
    {
        using var run = new TrainingRun(communicator, isSharded);
        return program(run);
    });

    /// <summary>Two towers, a symmetric loss with a table, an optimiser with momentum, shuffled batches with a smaller one at each epoch's end.</summary>
    private sealed class TrainingRun : IDisposable
    {
        private const int Items = 23;

        private readonly Communicator _communicator;
        private readonly nn.Module<Tensor, Tensor>[] _towers = [nn.Linear(5, 3, dtype: ScalarType.Float64), nn.Linear(4, 3, dtype: ScalarType.Float64)];
        private readonly GammaContrastiveLoss _loss;
        private readonly Generator _order = new(11);
        private readonly Tensor _left = Draw.Normal(1, Items, 5);
        private readonly Tensor _right = (Draw.Normal(2, Items, 4) * 2) + 0.3;
        private readonly ShardedBatches _batches;
        private readonly SafeAdamW _optimizer;

        public TrainingRun(Communicator communicator, bool isSharded)
        {
            _communicator = communicator;
            _loss = new GammaContrastiveLoss(
                isSharded ? new ShardedPartitionTable(communicator, Items) : new PartitionTable(Items),
                (Temperature)Temperature.Learned(0.4).to(ScalarType.Float64),
                ContrastMode.Symmetric);
            using (no_grad())
            {
                // All ranks the same, whatever has been drawn before.
                foreach (var (index, parameter) in _towers.SelectMany(tower => tower.parameters()).Index()) parameter.copy_(Draw.Normal(20 + index, parameter.shape));
            }
            _batches = new ShardedBatches(communicator, Items, 8, _order, keepsRemainder: true);
            _optimizer = new SafeAdamW([("left", _towers[0]), ("right", _towers[1]), ("loss", _loss)], 0.02, weightDecay: 0.1);
        }

        public Tensor[] Train(int steps)
        {
            var distributed = new DistributedLoss(_loss, _communicator, _communicator.Size == 3 ? Exchange.Ring : Exchange.Gather);
            var gradients = new GradientReduction(_communicator, [.. _towers.SelectMany(tower => tower.parameters()), .. _loss.parameters()]);
            for (var i = 0; i < steps; i++)
            {
                using var scope = NewDisposeScope();
                var ids = _batches.Next();
                _optimizer.zero_grad();
                distributed.Evaluate(_towers[0].forward(_left[ids]), _towers[1].forward(_right[ids]), ids).Loss.backward();
                gradients.Sum();
                _optimizer.step();
            }
            return Outcome();
        }

        /// <summary>Of tables that are cut among ranks, rank 0 has the whole.</summary>
        public Tensor[] Outcome() =>
        [
            .. _towers.SelectMany(tower => tower.parameters()).Select(parameter => parameter.detach().clone()),
            _loss.Temperature.parameters().Single().detach().clone(),
            .. Whole().OfType<PartitionTable>().Select(table => table.LogPartition.clone()),
        ];

        /// <summary>The checkpoint of any rank serves all of them: here the last one writes it. Tables that are cut come together on rank 0.</summary>
        public void Save(string path)
        {
            var whole = Whole();
            var parts = Parts(whole);
            var writer = _loss.Estimator is ShardedPartitionTable ? 0 : _communicator.Size - 1;
            if (_communicator.Rank == writer) CheckpointFile.Save(path, _batches.Step, parts);
            _communicator.Barrier();
        }

        public void Restore(string path)
        {
            PartitionTable[] whole = [new(Items), new(Items)];
            var file = CheckpointFile.Open(path);
            file.Restore(Parts(whole));
            if (_loss.Estimator is ShardedPartitionTable table) table.Scatter(whole[0]);
            if (_loss.ReverseEstimator is ShardedPartitionTable reverse) reverse.Scatter(whole[1]);
            _batches.Step.Should().Be(file.Header<long>()).And.Be(7);
            Replicas.CheckAgreement(_communicator, _towers[0], _towers[1], _loss, _optimizer, _batches);
        }

        private PartitionTable?[] Whole() => [Whole(_loss.Estimator), Whole(_loss.ReverseEstimator!)];

        private static PartitionTable? Whole(PartitionEstimator estimator) => estimator is ShardedPartitionTable sharded ? sharded.Gather() : (PartitionTable)estimator;

        public void Dispose()
        {
            foreach (var tower in _towers) tower.Dispose();
            _optimizer.Dispose();
            _batches.Dispose();
            _loss.Temperature.Dispose();
            _loss.Dispose();
            _order.Dispose();
            _left.Dispose();
            _right.Dispose();
        }

        private CheckpointParts Parts(PartitionTable?[] whole)
        {
            var parts = new CheckpointParts()
                .Module("left", _towers[0]).Module("right", _towers[1]).Module("loss", _loss).Module("optimizer", _optimizer)
                .Module("batches", _batches).Generator("order", _order);
            return _loss.Estimator is ShardedPartitionTable && whole is [{ } table, { } reverse] ? parts.Module("table", table).Module("reverse table", reverse) : parts;
        }
    }
}
