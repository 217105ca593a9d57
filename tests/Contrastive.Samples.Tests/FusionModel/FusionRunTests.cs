using Contrastive.Samples.FusionModel.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.FusionModel;

public sealed class FusionRunTests
{
    [Theory]
    [InlineData(1, 8, 8)]
    [InlineData(4, 8, 8)]
    [InlineData(3, 8, 6)]
    [InlineData(4, 2, 4)]
    public void Neighbours_are_learned_in_one_step_and_all_once_an_epoch(int together, int batchSize, int learned)
    {
        using var run = new Recorded(together, batchSize);
        while (run.StepsDone < run.Steps)
            run.TakeStep();

        run.BatchSize.Should().Be(learned);
        run.Batches.Should().HaveCount(2 * 24 / learned).And.OnlyContain(batch => batch.Length == learned);
        foreach (var epoch in run.Batches.Chunk(24 / learned))
            epoch.SelectMany(batch => batch).Order().Should().Equal(Enumerable.Range(0, 24).Select(item => (long)item));
        foreach (var group in run.Batches.SelectMany(batch => batch.Chunk(together)))
            group.Should().Equal(Enumerable.Range(0, together).Select(member => group[0] / together * together + member));
    }

    [Fact]
    public void Fewer_items_than_a_batch_are_refused()
    {
        var act = () => new Recorded(1, 25);

        act.Should().Throw<UserError>().WithMessage("--batch-size 25: there are only 24*");
    }

    private sealed class Recorded(int together, int batchSize)
        : FusionRun("recorded", 24, new Pace(batchSize, 2, 0.1, 0), 3, [("model", nn.Linear(1, 1))], CPU, together)
    {
        public List<long[]> Batches { get; } = [];

        protected override (Tensor Loss, IReadOnlyList<LossTerm> Terms) Loss(Tensor items)
        {
            Batches.Add([.. items.data<long>()]);
            return (((nn.Module<Tensor, Tensor>)Trained[0].Module).call(ones(1, 1)).sum(), []);
        }
    }
}
