using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>A run goes on with another number of ranks: the same batches, the same numbers.</summary>
public class ResumeTests
{
    [Theory]
    [InlineData(4, 2)]
    [InlineData(4, 3)]
    [InlineData(1, 4)]
    [InlineData(3, 1)]
    public void A_run_goes_on_with_other_ranks(int before, int after)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.Path("run.ckpt");
        var expected = Run(1, run => run.Train(16))[0];
        // In the middle of the third epoch, of batches of 8, 8 and 7.
        Run(before, run =>
        {
            run.Train(7);
            run.Save(path);
            return run.Outcome();
        });
        foreach (var actual in Run(after, run =>
        {
            run.Restore(path);
            return run.Train(9);
        }))
        {
            for (var i = 0; i < expected.Length; i++) actual[i].ShouldEqual(expected[i], 1e-10, $"tensor {i}");
        }
    }

    private static Tensor[][] Run(int size, Func<TrainingRun, Tensor[]> program) => ThreadGroup.Run(size, communicator =>
    {
        using var run = new TrainingRun(communicator);
        return program(run);
    });

    /// <summary>Two towers, a symmetric loss with a table, an optimiser with momentum, shuffled batches with a smaller one at each epoch's end.</summary>
    private sealed class TrainingRun : IDisposable
    {
        private const int Items = 23;

        private readonly Communicator _communicator;
        private readonly nn.Module<Tensor, Tensor>[] _towers = [nn.Linear(5, 3, dtype: ScalarType.Float64), nn.Linear(4, 3, dtype: ScalarType.Float64)];
        private readonly GammaContrastiveLoss _loss = new(
            new PartitionTable(Items, dtype: ScalarType.Float64), (Temperature)Temperature.Learned(0.4).to(ScalarType.Float64), ContrastMode.Symmetric);
        private readonly Generator _order = new(11);
        private readonly Tensor _left = Draw.Normal(1, Items, 5);
        private readonly Tensor _right = (Draw.Normal(2, Items, 4) * 2) + 0.3;
        private readonly ShardedBatches _batches;
        private readonly SafeAdamW _optimizer;

        public TrainingRun(Communicator communicator)
        {
            _communicator = communicator;
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

        public Tensor[] Outcome() =>
        [
            .. _towers.SelectMany(tower => tower.parameters()).Select(parameter => parameter.detach().clone()),
            _loss.Temperature.parameters().Single().detach().clone(),
            ((PartitionTable)_loss.Estimator).LogPartition.clone(),
            ((PartitionTable)_loss.ReverseEstimator!).LogPartition.clone(),
        ];

        /// <summary>The checkpoint of any rank serves all of them: here the last one writes it.</summary>
        public void Save(string path)
        {
            if (_communicator.Rank == _communicator.Size - 1) CheckpointFile.Save(path, _batches.Step, Parts);
            _communicator.Barrier();
        }

        public void Restore(string path)
        {
            var file = CheckpointFile.Open(path);
            file.Restore(Parts);
            _batches.Step.Should().Be(file.Header<long>()).And.Be(7);
            Replicas.CheckAgreement(_communicator, _towers[0], _towers[1], _loss, _optimizer, _batches);
        }

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

        private CheckpointParts Parts => new CheckpointParts()
            .Module("left", _towers[0]).Module("right", _towers[1]).Module("loss", _loss).Module("optimizer", _optimizer)
            .Module("batches", _batches).Generator("order", _order);
    }
}
