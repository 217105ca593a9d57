using static TorchSharp.torch;

namespace Contrastive.Tests.Partition;

/// <summary>What estimators are given, and what they ask for.</summary>
public class PartitionEstimatorTests
{
    [Fact]
    public void A_users_estimator_sees_the_candidates_of_each_batch_in_training()
    {
        using var scope = NewDisposeScope();
        using var estimator = new Watching();
        using var loss = new GammaContrastiveLoss(estimator, similarity: SimilarityMeasure.DotProduct);
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        using var own = new GammaContrastiveLoss(new BatchPartition(), similarity: SimilarityMeasure.DotProduct);
        var (actual, expected) = (loss.Evaluate(a, b), own.Evaluate(a, b));
        actual.Objective.ShouldEqual(expected.Objective, 1e-12, "the same estimate, not relative to anything");
        actual.Loss.ShouldEqual(expected.Loss, 1e-12);
        estimator.Seen!.IsSameAs(b).Should().BeTrue();
        estimator.Seen = null;
        loss.eval();
        loss.forward(a, b);
        estimator.Seen.Should().BeNull();
    }

    [Fact]
    public void Candidates_are_made_only_for_an_estimator_that_keeps_them()
    {
        using var scope = NewDisposeScope();
        foreach (var (estimator, ignores) in new (PartitionEstimator, bool)[]
        {
            (new BatchPartition(), true), (new PartitionTable(5), true),
            (new PartitionQueue(5, 4), false), (new PartitionQueue(5, 4, enqueueBatches: false), true),
        })
        {
            using (estimator) estimator.IgnoresCandidates.Should().Be(ignores, estimator.GetName());
        }
    }

    [Fact]
    public void An_observation_has_the_scale_it_was_given_and_makes_the_anchors_once()
    {
        using var scope = NewDisposeScope();
        var anchors = Draw.Normal(1, 2, 4);
        var sums = PartitionSumsTests.Create();
        var observation = new PartitionObservation(sums, anchors, 20, arange(2));
        observation.LogitScale.Should().BeApproximately(20, 1e-13);
        observation.Anchors.Should().BeSameAs(anchors);

        var made = 0;
        observation = new PartitionObservation(
            sums,
            () =>
            {
                made++;
                return anchors;
            },
            observation.Scale,
            null);
        _ = (observation.Anchors, observation.Anchors);
        made.Should().Be(1);
    }

    [Fact]
    public void A_table_takes_sums_without_a_reference()
    {
        using var scope = NewDisposeScope();
        using var table = new PartitionTable(5);
        var sums = PartitionSumsTests.Create();
        var estimate = table.Estimate(new PartitionObservation(sums, Draw.Normal(1, 2, 4), 1, arange(2)));
        estimate.LogPartition.ShouldEqual(sums.LogEstimate(5), 1e-14);
        estimate.Commit!();
        table.LogPartition.narrow(0, 0, 2).ShouldEqual(sums.LogEstimate(5), 1e-14);
    }

    [Fact]
    public void An_id_out_of_range_is_named()
    {
        using var scope = NewDisposeScope();
        using var table = new PartitionTable(5);
        foreach (var (low, high, wrong) in new[] { (-1L, 3L, -1L), (0, 5, 5), (2, 7, 7), (-2, 9, -2) })
            FluentActions.Invoking(() => table.Estimate(Observation(tensor(new[] { low, high }))))
                .Should().Throw<ArgumentOutOfRangeException>().Which.ActualValue.Should().Be(wrong);
    }

    [Fact]
    public void What_is_on_another_device_is_refused()
    {
        using var scope = NewDisposeScope();
        using var table = new PartitionTable(5);
        using var queue = new PartitionQueue(5, 4);
        var elsewhere = zeros(2, 4, device: META);
        var ids = zeros(2, dtype: ScalarType.Int64, device: META);
        Refuses(() => table.Estimate(Observation(ids)), "sampleIds are on meta but the values of the partition table are on cpu");
        Refuses(() => queue.Estimate(new PartitionObservation(PartitionSumsTests.Create(), elsewhere, 1, null)), "anchors are on meta but the candidates of the queue are on cpu");
        Refuses(() => queue.Enqueue(elsewhere), "candidates are on meta but those of the queue are on cpu");
        Refuses(() => queue.Enqueue(zeros(2, 4), ids), "candidates are on cpu but sampleIds are on meta");
        queue.Count.Should().Be(0);
    }

    [Fact]
    public void A_queue_refuses_what_are_no_rows_and_an_estimate_that_is_not_finite()
    {
        using var scope = NewDisposeScope();
        using var queue = new PartitionQueue(5, 4, dtype: ScalarType.Float64);
        Refuses(() => queue.Enqueue(zeros(4)), "candidates must have the shape (N, D) but has (4)");
        queue.Enqueue(Draw.Normal(1, 2, 4));
        var anchors = Draw.Normal(2, 2, 4);
        anchors[1, 2] = double.NaN;
        Refuses(
            () => queue.Estimate(new PartitionObservation(PartitionSumsTests.Create(), anchors, 1, null)),
            "the partition function of anchor 1 is NaN: its features, or a candidate's, are not finite, and the estimate was not changed");
    }

    [Fact]
    public void Candidates_without_ids_take_away_the_ids_of_those_they_replace()
    {
        using var scope = NewDisposeScope();
        using var queue = new PartitionQueue(3, 4);
        queue.Enqueue(Draw.Normal(1, 3, 4), arange(3));
        queue.Enqueue(Draw.Normal(2, 2, 4));
        queue.state_dict()["sample_ids"].data<long>().Should().Equal(-1, -1, 2);
    }

    [Fact]
    public void A_constant_step_size_of_one_forgets_all_that_went_before()
    {
        using var scope = NewDisposeScope();
        StepSizeSchedule.Constant(1).At(tensor(new long[] { 1, 9 }), ScalarType.Float64).data<double>().Should().Equal(1, 1);
    }

    private static PartitionObservation Observation(Tensor ids) => new(PartitionSumsTests.Create(), Draw.Normal(1, 2, 4), 1, ids);

    private sealed class Watching() : PartitionEstimator("Watching", null)
    {
        public Tensor? Seen { get; set; }

        public override PartitionEstimator CreateSibling() => new Watching();

        public override PartitionEstimate Estimate(PartitionObservation observation)
            => new(observation.Sums.LogEstimate(null), observation.Sums.LogNegativeScale(null));

        public override Action Observe(Tensor candidates, Tensor? sampleIds) => () => Seen = candidates.clone().DetachFromDisposeScope();
    }
}
