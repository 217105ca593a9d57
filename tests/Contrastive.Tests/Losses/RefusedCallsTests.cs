using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>A call that is refused leaves every state as it was, and whether it is refused does not depend on what a queue holds.</summary>
public class RefusedCallsTests
{
    [Fact]
    public void Ids_that_only_the_reverse_queue_refuses()
    {
        using var scope = NewDisposeScope();
        using var loss = Symmetric(new PartitionQueue(4, 2));
        ShouldChangeNothing(
            loss, () => loss.Evaluate(Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2), Ids(0, -1), null, Ids(0, 1)), "sampleIds must be at least 0 but -1 is among them");
        ShouldChangeNothing(
            loss, () => loss.Evaluate(Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2), Ids(0, 1), null, Ids(-1, 1)), "must be at least 0 but -1 is among them");
    }

    [Fact]
    public void Features_that_only_the_reverse_queue_cannot_hold()
    {
        using var scope = NewDisposeScope();
        // Finite in float64, and so are their products; the reverse queue is of float32.
        var (a, b) = (Draw.Normal(1, 2, 2) * 1e39, Draw.Normal(2, 2, 2) * 1e-39);
        using var loss = new GammaContrastiveLoss(
            new PartitionQueue(4, 2), Temperature.Fixed(1), ContrastMode.Symmetric, SimilarityMeasure.DotProduct);
        ShouldChangeNothing(loss, () => loss.Evaluate(a, b), "not finite");
        ShouldChangeNothing(loss, () => loss.Evaluate(b, a), "not finite");
    }

    [Fact]
    public void A_table_beside_a_queue_is_not_moved_by_what_the_queue_refuses()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 2, 2) * 1e39, Draw.Normal(2, 2, 2) * 1e-39);
        using var loss = new GammaContrastiveLoss(
            new PartitionTable(5), Temperature.Fixed(1), ContrastMode.Symmetric, SimilarityMeasure.DotProduct, reverseEstimator: new PartitionQueue(4, 2));
        ShouldChangeNothing(loss, () => loss.Evaluate(a, b, Ids(0, 1)), "not finite");
    }

    [Fact]
    public void Anchors_without_a_pair_in_the_other_direction()
    {
        using var scope = NewDisposeScope();
        // Candidate 1 is nobody's positive.
        var map = PairMap.FromMask(tensor(new[,] { { true, false, false }, { true, false, false }, { false, false, true } }));
        using var generator = new Generator(3);
        foreach (var estimator in new PartitionEstimator[] { new PartitionTable(5), new PartitionQueue(4, 2) })
        {
            using var loss = new GammaContrastiveLoss(estimator, mode: ContrastMode.Symmetric, eStep: EStep.Sampled, generator: generator);
            ShouldChangeNothing(loss, () => loss.Evaluate(Draw.Normal(1, 3, 2), Draw.Normal(2, 3, 2), Ids(0, 1, 2), map), "anchor 1 has no positive");
        }
    }

    [Fact]
    public void What_the_other_direction_refuses_draws_nothing()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var before = generator.get_state().data<byte>().ToArray();
        using var loss = new GammaContrastiveLoss(
            new PartitionTable(9), mode: ContrastMode.Symmetric, eStep: EStep.Sampled, generator: generator, reverseEstimator: new PartitionTable(2));
        ShouldChangeNothing(loss, () => loss.Evaluate(Draw.Normal(1, 7, 2), Draw.Normal(2, 7, 2), arange(7)), "sampleIds must lie in [0, 1]");
        generator.get_state().data<byte>().ToArray().Should().Equal(before);
    }

    [Fact]
    public void A_logit_bias_is_refused_by_an_empty_queue_as_by_a_filled_one()
    {
        using var scope = NewDisposeScope();
        var biased = PairMap.Diagonal(2).WithLogitBias(Draw.Normal(3, 2));
        foreach (var loss in new[] { Symmetric(new PartitionQueue(4, 2)), new GammaContrastiveLoss(new PartitionQueue(4, 2)) })
        {
            for (var step = 0; step < 2; step++)
            {
                ShouldChangeNothing(loss, () => loss.Evaluate(Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2), null, biased), "a logit bias says nothing of the queue's entries");
                ShouldChangeNothing(loss, () => loss.ExpectationStep(Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2), biased), "a logit bias says nothing of the queue's entries");
                loss.Evaluate(Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2));
            }
        }
    }

    [Fact]
    public void Negative_ids_are_refused_by_an_empty_queue_as_by_a_filled_one()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2));
        using var byHand = new GammaContrastiveLoss(new PartitionQueue(4, 2, enqueueBatches: false));
        using var evaluating = new GammaContrastiveLoss(new PartitionQueue(4, 2));
        evaluating.eval();
        foreach (var loss in new[] { byHand, evaluating })
        {
            for (var step = 0; step < 2; step++)
            {
                ShouldChangeNothing(loss, () => loss.Evaluate(a, b, Ids(0, -1)), "sampleIds must be at least 0 but -1 is among them");
                ShouldChangeNothing(loss, () => loss.ExpectationStep(a, b, PairMap.Diagonal(2), Ids(0, -1)), "sampleIds must be at least 0 but -1 is among them");
                ((PartitionQueue)loss.Estimator).Enqueue(b);
            }
        }
    }

    [Theory]
    [InlineData(LargeBatchMethod.Accumulation)]
    [InlineData(LargeBatchMethod.CachedGradients)]
    public void In_a_large_batch_step(LargeBatchMethod method)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 2), Draw.Leaf(2, 4, 2));
        using var loss = Symmetric(new PartitionQueue(4, 2));
        var step = new LargeBatchStep(2, []);
        ShouldChangeNothing(
            loss,
            () => step.Backward(
                4, (first, count) => (a.narrow(0, first, count), b.narrow(0, first, count)), loss, Ids(0, 1, 2, -1), null, Ids(0, 1, 2, 3), method),
            "must be at least 0 but -1 is among them");
        a.grad.Should().BeNull();
    }

    private static GammaContrastiveLoss Symmetric(PartitionEstimator estimator) => new(estimator, mode: ContrastMode.Symmetric);

    private static Tensor Ids(params long[] ids) => tensor(ids);

    private static void ShouldChangeNothing(GammaContrastiveLoss loss, Action call, string message)
    {
        var before = Saved.Of(loss);
        Refuses(call, message);
        Saved.Of(loss).Should().Equal(before);
    }

    private static void ShouldChangeNothing(GammaContrastiveLoss loss, Func<object> call, string message)
        => ShouldChangeNothing(loss, () => { _ = call(); }, message);
}
