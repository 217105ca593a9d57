using static TorchSharp.torch;

namespace Contrastive.Tests.Partition;

public class PartitionQueueTests
{
    [Fact]
    public void The_estimate_is_over_the_batch_and_the_queues_valid_entries_of_other_samples()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        foreach (long? population in new long?[] { null, 50 })
        {
            using var queue = new PartitionQueue(6, 4, population, dtype: ScalarType.Float64);
            using var loss = new GammaContrastiveLoss(
                queue, Temperature.Fixed(1.0), similarity: SimilarityMeasure.DotProduct, reduction: nn.Reduction.None);
            var entries = Draw.Normal(3, 4, 4);
            queue.Enqueue(entries, tensor(new long[] { 1, 8, 9, 7 }));
            queue.Count.Should().Be(4);
            var objective = loss.Evaluate(a, b, arange(3)).Objective;

            var (s, q) = (Reference.Similarities(a, b, 1.0, SimilarityMeasure.DotProduct), Reference.Similarities(a, entries, 1.0, SimilarityMeasure.DotProduct));
            for (var i = 0; i < 3; i++)
            {
                // Entry 0 is anchor 1's own sample.
                var others = Enumerable.Range(0, 3).Where(j => j != i).Select(j => s[i, j])
                    .Concat(Enumerable.Range(0, 4).Where(j => !(i == 1 && j == 0)).Select(j => q[i, j]))
                    .Select(x => Math.Exp(x.item<double>())).ToArray();
                var scale = population is { } n ? (n - 1.0) / others.Length : 1;
                var z = Math.Exp(s[i, i].item<double>()) + (scale * others.Sum());
                objective[i].item<double>().Should().BeApproximately(Math.Log(z) - s[i, i].item<double>(), 1e-12);
            }
            queue.Count.Should().Be(6, "the batch went in after its estimate, and the oldest entry made room");
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(40L)]
    public void The_batchs_negatives_stand_for_the_queues_in_the_gradient(long? population)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 2), Draw.Leaf(2, 3, 2));
        using var queue = new PartitionQueue(6, 2, population, enqueueBatches: false, dtype: ScalarType.Float64);
        using var loss = new GammaContrastiveLoss(queue, Temperature.Fixed(1.0), similarity: SimilarityMeasure.DotProduct);
        // The queue holds the batch's own candidates twice over: batch and queue together are three times the batch.
        queue.Enqueue(cat([b, b]).detach(), cat([arange(3), arange(3)]));
        using var whole = new GammaContrastiveLoss(new BatchPartition(population ?? 7), Temperature.Fixed(1.0), similarity: SimilarityMeasure.DotProduct);
        var (actual, expected) = (loss.Evaluate(a, b, arange(3)), whole.Evaluate(a, b, arange(3)));
        actual.Objective.ShouldEqual(expected.Objective, 1e-12);
        actual.Loss.ShouldEqual(expected.Loss, 1e-12);
        Gradients.Of(actual.Loss, a)[0].ShouldEqual(Gradients.Of(expected.Loss, a)[0], 1e-12);
    }

    [Fact]
    public void It_keeps_the_newest_in_a_ring()
    {
        using var scope = NewDisposeScope();
        using var queue = new PartitionQueue(5, 1);
        Enqueue(0, 3);
        Contents().Should().Equal(0, 1, 2);
        Enqueue(3, 4);
        Contents().Should().BeEquivalentTo([2, 3, 4, 5, 6]);
        Enqueue(7, 12);
        Contents().Should().BeEquivalentTo([14, 15, 16, 17, 18]);
        queue.Count.Should().Be(5);

        void Enqueue(int from, int count) => queue.Enqueue(arange(from, from + count, dtype: ScalarType.Float32).unsqueeze(1), arange(from, from + count));
        int[] Contents()
        {
            var state = queue.state_dict();
            var valid = (int)queue.Count;
            state["sample_ids"].data<long>().Take(valid).Should().Equal(state["candidates"].data<float>().Take(valid).Select(x => (long)x));
            return [.. state["candidates"].data<float>().Take(valid).Select(x => (int)x)];
        }
    }

    [Fact]
    public void Its_entries_and_position_are_saved_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        using var first = new GammaContrastiveLoss(new PartitionQueue(5, 3), mode: ContrastMode.Symmetric);
        using var second = new GammaContrastiveLoss(new PartitionQueue(5, 3), mode: ContrastMode.Symmetric);
        for (var i = 0; i < 3; i++) first.forward(Draw.Normal(i, 3, 3), Draw.Normal(-i, 3, 3), arange(3));
        Saved.Into(second, Saved.Of(first));
        var (a, b) = (Draw.Normal(10, 3, 3), Draw.Normal(11, 3, 3));
        second.forward(a, b, arange(3)).IsSameAs(first.forward(a, b, arange(3))).Should().BeTrue();
        foreach (var (name, value) in first.state_dict()) second.state_dict()[name].IsSameAs(value).Should().BeTrue(name);
        ((PartitionQueue)second.ReverseEstimator!).Count.Should().Be(5);
    }

    [Fact]
    public void Left_to_the_caller_it_fills_only_by_hand()
    {
        using var scope = NewDisposeScope();
        using var queue = new PartitionQueue(5, 4, enqueueBatches: false);
        using var loss = new GammaContrastiveLoss(queue);
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        loss.forward(a, b);
        queue.Count.Should().Be(0);
        queue.Enqueue(b);
        queue.Count.Should().Be(3);
        queue.state_dict()["sample_ids"].data<long>().Should().AllBeEquivalentTo(-1);
    }

    [Fact]
    public void Bad_input_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var queue = new PartitionQueue(5, 4);
        queue.Enqueue(Draw.Normal(1, 2, 4), arange(2));
        var before = queue.state_dict().ToDictionary(x => x.Key, x => x.Value.clone());
        var broken = Draw.Normal(2, 2, 4);
        broken[0, 0] = double.PositiveInfinity;
        Refuses(() => queue.Enqueue(broken), "candidates are not finite in row");
        Refuses(() => queue.Enqueue(Draw.Normal(1, 2, 3)), "candidates have 3 features but the queue's have 4");
        Refuses(() => queue.Enqueue(Draw.Normal(1, 2, 4), arange(3)), "sampleIds must have the shape (2) but have (3)");
        using var loss = new GammaContrastiveLoss(queue, mode: ContrastMode.Symmetric);
        Refuses(() => loss.forward(Draw.Normal(1, 2, 3), Draw.Normal(1, 2, 3)), "anchors have 3 features but the queue's candidates have 4");
        Refuses(() => queue.Enqueue(Draw.Normal(1, 2, 4), tensor(new long[] { 3, -1 })), "sampleIds must be at least 0 but -1 is among them");
        Refuses(() => new GammaContrastiveLoss(queue).forward(Draw.Normal(1, 2, 4), Draw.Normal(2, 2, 4), null, PairMap.Diagonal(2).WithLogitBias(zeros(2))), "a logit bias says nothing of the queue's entries");
        Refuses(() => new PartitionQueue(0, 4), "capacity must be at least 1 but is 0");
        Refuses(() => new PartitionQueue(4, 0), "features must be at least 1 but is 0");
        Refuses(() => new PartitionQueue(4, 4, dtype: ScalarType.Float16), "dtype must be float32 or float64 but is Float16");
        foreach (var (name, value) in queue.state_dict()) value.IsSameAs(before[name]).Should().BeTrue(name);
    }
}
