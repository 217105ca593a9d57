using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>InfoNCE of labels asks for a positive and for no negative: a batch of a single class trains over ranks as in one process.</summary>
public class SingleClassTests
{
    private const int Rows = 7;

    public static TheoryData<ContrastMode, Exchange, MissingPairs, int> Cases
    {
        get
        {
            var data = new TheoryData<ContrastMode, Exchange, MissingPairs, int>();
            foreach (var mode in Enum.GetValues<ContrastMode>())
                foreach (var exchange in new[] { Exchange.Gather, Exchange.Ring })
                    foreach (var missing in Enum.GetValues<MissingPairs>())
                        foreach (var size in new[] { 1, 2, 3 })
                            data.Add(mode, exchange, missing, size);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_trains_as_in_one_process(ContrastMode mode, Exchange exchange, MissingPairs missing, int size)
    {
        using var scope = NewDisposeScope();
        var labels = full(Rows, 4, dtype: ScalarType.Int64);
        var pairs = mode == ContrastMode.TwoViews ? PairMap.FromLabels(cat([labels, labels])) : PairMap.FromLabels(labels, labels.clone());
        var (left, right) = (Draw.Leaf(1, Rows, 3), Draw.Leaf(2, Rows, 3));
        using var alone = Loss();
        var expected = alone.Evaluate(left, right, pairs: pairs);
        expected.Loss.backward();
        expected.Loss.item<double>().Should().BePositive();

        ThreadGroup.Run(size, communicator =>
        {
            using var scope = NewDisposeScope();
            var (anchors, candidates) = (Draw.Leaf(1, Rows, 3), Draw.Leaf(2, Rows, 3));
            using var loss = Loss();
            var gradients = new GradientReduction(communicator, [anchors, candidates, .. loss.parameters()]);
            // 7 rows: 7; 1 + 6; 1 + 3 + 3.
            var first = communicator.Rank * communicator.Rank;
            var count = communicator.Rank == communicator.Size - 1 ? Rows - first : (2 * communicator.Rank) + 1;
            Tensor Shard(Tensor all) => all.narrow(0, first, count);
            var result = new DistributedLoss(loss, communicator, exchange).Evaluate(Shard(anchors), Shard(candidates), labels: Shard(labels));
            result.Loss.backward();
            gradients.Sum();
            result.SkippedAnchors.Should().Be(0);
            result.BatchLoss.Should().BeApproximately(expected.Loss.item<double>(), 1e-12);
            result.BatchObjective.Should().BeApproximately(expected.Objective.item<double>(), 1e-12);
            anchors.grad!.ShouldEqual(left.grad!, 1e-12, "the anchors' gradient");
            candidates.grad!.ShouldEqual(right.grad!, 1e-12, "the candidates' gradient");
            foreach (var (actual, other) in loss.parameters().Zip(alone.parameters())) actual.grad!.ShouldEqual(other.grad!, 1e-12, "the temperature's gradient");
        });

        InfoNCELoss Loss() => new((Temperature)Temperature.Learned(0.4).to(ScalarType.Float64), mode, missingPairs: missing);
    }

    /// <summary>The decomposable loss does ask for one, of labels as well: over ranks as in one process.</summary>
    [Theory]
    [InlineData(Exchange.Gather)]
    [InlineData(Exchange.Ring)]
    public void The_decomposable_loss_refuses_it(Exchange exchange)
        => new Action(() => ThreadGroup.Run(2, communicator =>
        {
            using var scope = NewDisposeScope();
            using var loss = new GammaContrastiveLoss(new BatchPartition());
            new DistributedLoss(loss, communicator, exchange).Evaluate(Draw.Normal(1, 2, 3), Draw.Normal(2, 2, 3), labels: zeros(2, dtype: ScalarType.Int64));
        })).Should().Throw<InvalidOperationException>().WithMessage("*has no negative*");
}
