using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>The E-step and the M-step by hand, on rectangular blocks seen from both sides.</summary>
public class GammaBlockTests
{
    private const long N = 5;

    private static Tensor Ids => tensor(new long[] { 7, 1, 7, 0, 3 });

    /// <summary>Sums, both E-steps and the M-step of blocks, over two batches, so that the tables have moved on.</summary>
    [Theory]
    [InlineData(5, 5)]
    [InlineData(2, 3)]
    [InlineData(1, 1)]
    public void Blocks_of_both_directions_are_the_symmetric_loss_its_gradients_and_its_tables(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var map = PairMap.Diagonal(N).WithSampleIds(Ids);
        using var whole = Symmetric(0.4);
        using var pieces = Symmetric(0.4);
        for (var step = 0; step < 2; step++)
        {
            foreach (var parameter in whole.parameters().Concat(pieces.parameters())) parameter.grad = null;
            var (a, b) = (Draw.Leaf(10 + step, N, 3), Draw.Leaf(20 + step, N, 3));
            var (c, d) = (a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_());
            var expected = whole.Evaluate(a, b, Ids).Loss;
            expected.backward();

            var blocks = Blocks(rows, columns).ToArray();
            var (ofAnchors, ofCandidates) = (new PartitionSums?[N], new PartitionSums?[N]);
            foreach (var (i, m, j, n) in blocks)
            {
                var (forward, backward) = pieces.SumPartitions(c.narrow(0, i, m), d.narrow(0, j, n), map.Block(i, m, j, n));
                ofAnchors[i] = ofAnchors[i]?.Merge(forward) ?? forward;
                ofCandidates[j] = ofCandidates[j]?.Merge(backward) ?? backward;
            }
            var weights = pieces.ExpectationStep(Rows(ofAnchors), step == 0 ? null : c, Ids);
            var reverseWeights = pieces.ExpectationStep(Rows(ofCandidates), d, Ids, reverse: true);
            var total = 0.0;
            foreach (var (i, m, j, n) in blocks)
            {
                var part = pieces.MaximizationStep(
                    c.narrow(0, i, m), d.narrow(0, j, n), map.Block(i, m, j, n), weights.Rows(i, m), reverseWeights.Rows(j, n), 1.0 / N, 1.0 / N);
                total += part.item<double>();
                part.backward();
            }

            total.Should().BeApproximately(expected.item<double>(), 1e-12);
            c.grad!.ShouldEqual(a.grad!, 1e-12);
            d.grad!.ShouldEqual(b.grad!, 1e-12);
            pieces.Temperature.parameters().Single().grad!.ShouldEqual(whole.Temperature.parameters().Single().grad!, 1e-6);
            Table(pieces.Estimator).ShouldEqual(Table(whole.Estimator), 1e-12, "the table moves on once, a sample's rows together");
            Table(pieces.ReverseEstimator!).ShouldEqual(Table(whole.ReverseEstimator!), 1e-12);
        }

        // One set of sums for all rows: as another process would send them.
        static PartitionSums Rows(PartitionSums?[] parts) => PartitionSums.FromRows(cat([.. parts.OfType<PartitionSums>().Select(part => part.ToRows())]));

        static Tensor Table(PartitionEstimator estimator) => estimator.state_dict().Values.First(value => value.is_floating_point());
    }

    [Fact]
    public void In_evaluation_the_E_step_moves_no_estimate()
    {
        using var scope = NewDisposeScope();
        using var loss = Symmetric(0.4);
        var map = PairMap.Diagonal(N);
        using var sums = loss.SumPartition(Draw.Normal(1, N, 3), Draw.Normal(2, N, 3), map);
        var before = Saved.Of(loss);
        loss.eval();
        loss.ExpectationStep(sums, null, arange(N));
        Saved.Of(loss).Should().Equal(before);
        loss.train();
        loss.ExpectationStep(sums, null, arange(N));
        Saved.Of(loss).Should().NotEqual(before);
    }

    [Fact]
    public void Each_direction_has_the_share_that_is_given()
    {
        using var scope = NewDisposeScope();
        using var loss = Symmetric(0.4);
        var (a, b, map) = (Draw.Normal(1, 4, 3), Draw.Normal(2, 6, 3), PairMap.FromMask(Draw.Mask(3, 0.3, 4, 6)));
        var (weights, reverse) = (GammaWeights.Create(Draw.Normal(4, 4)), GammaWeights.Create(Draw.Normal(5, 6)));
        var forward = loss.MaximizationStep(a, b, map, weights);
        var backward = loss.MaximizationStep(b, a, map.Transpose(), reverse);
        loss.MaximizationStep(a, b, map, weights, reverse, 0.25, 3).ShouldEqual(forward * 0.125 + backward * 1.5, 1e-12);
        loss.MaximizationStep(a, b, map, weights, reverse, 0, 1).ShouldEqual(backward * 0.5, 1e-12);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_M_step_has_a_gradient_by_weights_that_ask_for_one(bool tiles)
    {
        using var scope = NewDisposeScope();
        var tiling = tiles ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole;
        using var loss = new GammaContrastiveLoss(new BatchPartition(40), Temperature.Fixed(0.5), ContrastMode.Symmetric) { Tiling = tiling };
        var (a, b, map) = (Draw.Leaf(1, N, 3), Draw.Leaf(2, N, 3), PairMap.Diagonal(N));
        var (logWeights, reverse) = (Draw.Leaf(3, N), Draw.Leaf(4, N));
        Gradients.ShouldMatchFiniteDifferences(() => loss.MaximizationStep(a, b, map, GammaWeights.Create(logWeights)), a, b, logWeights);
        Gradients.ShouldMatchFiniteDifferences(
            () => loss.MaximizationStep(a.detach(), b.detach(), map, GammaWeights.Create(logWeights)), logWeights);
        Gradients.ShouldMatchFiniteDifferences(
            () => loss.MaximizationStep(a, b, map, GammaWeights.Create(logWeights.detach()), GammaWeights.Create(reverse.detach()), 1, 0.5), a, b);
    }

    /// <summary>A diagonal in one tile, a set with itself, two views, masks: each shares something of its two directions in the pass.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_sums_of_both_directions_are_tensors_of_their_own(int variant)
    {
        using var around = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 6, 3), Draw.Leaf(2, 6, 3));
        var (left, right, map) = variant switch
        {
            0 => (a, b, PairMap.Diagonal(6)),
            1 => (a, a, PairMap.Diagonal(6)),
            2 => (a, a, PairMap.TwoViews(3)),
            _ => (a, b, PairMap.FromMask(Draw.Mask(3, 0.3, 6, 6))),
        };
        foreach (var tau in new[] { 0.3, 0.004, 0.001 })
        {
            foreach (var tiling in new[] { Tiling.Default, AnyTiling.Whole, AnyTiling.Tiles(2, 3) })
            {
                using var loss = new GammaContrastiveLoss(new BatchPartition(40), Temperature.Fixed(tau), ContrastMode.Symmetric) { Tiling = tiling };
                // Outside of any scope a tensor that escapes one shows.
                TensorCount.ShouldStay(
                    () =>
                    {
                        using var call = NewDisposeScope();
                        loss.SumPartitions(left, right, map);
                    }, 5);
                TensorCount.ShouldStay(
                    () =>
                    {
                        var (first, second) = loss.SumPartitions(left, right, map);
                        first.Dispose();
                        second.Dispose();
                    }, 5);

                var expected = loss.SumPartition(left, right, map);
                var transposed = loss.SumPartition(right, left, map.Transpose());
                var (ofAnchors, other) = loss.SumPartitions(left, right, map);
                other.Dispose();
                ShouldBe(ofAnchors, expected);
                (other, var ofCandidates) = loss.SumPartitions(left, right, map);
                other.Dispose();
                ShouldBe(ofCandidates, transposed);
            }
        }

        static void ShouldBe(PartitionSums actual, PartitionSums expected)
        {
            actual.ToRows().nan_to_num(posinf: 1e9, neginf: -1e9).ShouldEqual(expected.ToRows().nan_to_num(posinf: 1e9, neginf: -1e9), 1e-11);
            actual.IsSinglePositive.Should().Be(expected.IsSinglePositive);
            actual.LogNegativeScale(40).ShouldEqual(expected.LogNegativeScale(40), 0);
            ReferenceEquals(actual.Relative.LogPositives, actual.Relative.PositiveLogits)
                .Should().Be(ReferenceEquals(expected.Relative.LogPositives, expected.Relative.PositiveLogits));
        }
    }

    /// <summary>In one pass of both directions as well, where features and temperature learn, some of them, or none.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_M_step_of_both_directions_has_a_gradient_by_weights_that_ask_for_one(int tiles)
    {
        using var scope = NewDisposeScope();
        var tiling = tiles switch { 0 => Tiling.Default, 1 => AnyTiling.Whole, 2 => AnyTiling.Tiles(2, 3), _ => AnyTiling.Tiles(2, 3, budget: 0) };
        using var loss = new GammaContrastiveLoss(new BatchPartition(40), Temperature.Learned(0.5), ContrastMode.Symmetric) { Tiling = tiling };
        loss.Temperature.to(ScalarType.Float64);
        var logScale = loss.Temperature.parameters().Single();
        var mask = Draw.Mask(9, 0.3, 4, N);
        foreach (var map in new[] { PairMap.Diagonal(N).Block(0, 4, 0, N), PairMap.FromMask(mask) })
        {
            var masks = map.Masks(new PairBlock(0, 4, 0, N), PositiveSampling.Complete, CPU);
            var (a, b, forward, backward) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, N, 3), Draw.Leaf(3, 4), Draw.Leaf(4, N));
            var (scales, reverseScales, counts) = (Draw.Normal(5, 4), Draw.Normal(6, N), tensor(new[] { 1.0, 2, 1, 3 }));
            Compare(a, b, forward, backward, [a, b, forward, backward, logScale]);
            Compare(a, b, forward, backward.detach(), [a, b, forward, logScale]);
            Compare(a, b, forward.detach(), backward, [a, b, backward, logScale]);
            Compare(a, b.detach(), forward, backward, [a, forward, backward]);
            logScale.requires_grad_(false);
            Compare(a.detach(), b, forward, backward, [b, forward, backward]);
            Compare(a.detach(), b.detach(), forward, backward, [forward, backward]);
            logScale.requires_grad_(true);
            Compare(a.detach(), b.detach(), forward, backward, [forward, backward, logScale]);

            void Compare(Tensor x, Tensor y, Tensor u, Tensor v, Tensor[] inputs)
            {
                var actual = ByBackward(
                    () => loss.MaximizationStep(x, y, map, GammaWeights.Create(u, scales, counts), GammaWeights.Create(v, reverseScales), 0.25, 3), inputs);
                var expected = ByBackward(() => Formula(Reference.Similarities(x, y, (-logScale).exp(), SimilarityMeasure.Cosine), u, v), inputs);
                for (var i = 0; i < actual.Length; i++) actual[i].ShouldEqual(expected[i], 1e-10, $"value 0 and then the gradients: {i}");
            }

            Tensor Formula(Tensor s, Tensor u, Tensor v)
                => (0.125 * Direction(s, masks.Positives, masks.Negatives, u, scales, counts))
                    + (1.5 * Direction(s.t(), masks.Positives.t(), masks.Negatives.t(), v, reverseScales, ones_like(v)));
        }

        // An input that autograd.grad finds no way to ends the process; here it has no gradient.
        static Tensor[] ByBackward(Func<Tensor> value, Tensor[] inputs)
        {
            foreach (var input in inputs) input.grad = null;
            var found = value();
            found.backward();
            return [found.detach(), .. inputs.Select(input => input.grad is { } gradient ? gradient.clone() : throw new InvalidOperationException("no gradient"))];
        }

        static Tensor Direction(Tensor s, Tensor positives, Tensor negatives, Tensor logWeights, Tensor scales, Tensor counts)
        {
            var terms = (s + logWeights.unsqueeze(1)).exp();
            return (terms * positives).sum() + (terms * scales.exp().unsqueeze(1) * negatives).sum() - (s * positives / counts.unsqueeze(1)).sum();
        }
    }

    [Fact]
    public void Weights_that_ask_for_a_gradient_leave_nothing_behind()
    {
        using var loss = new GammaContrastiveLoss(new BatchPartition(40), Temperature.Fixed(0.5), ContrastMode.Symmetric);
        using var a = Draw.Leaf(1, N, 3);
        using var b = Draw.Leaf(2, N, 3);
        using var logWeights = Draw.Leaf(3, N);
        using var weights = GammaWeights.Create(logWeights);
        var map = PairMap.Diagonal(N);
        TensorCount.ShouldStay(() => loss.MaximizationStep(a, b, map, weights, weights, 1, 1).Dispose());
    }

    [Fact]
    public void Rows_of_an_E_steps_weights_keep_its_objective()
    {
        using var scope = NewDisposeScope();
        using var loss = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.4));
        var (a, b) = (Draw.Normal(1, N, 3), Draw.Normal(2, N, 3));
        var weights = loss.ExpectationStep(a, b, PairMap.Diagonal(N));
        weights.Objective!.mean().ShouldEqual(new InfoNCELoss(Temperature.Fixed(0.4)).forward(a, b), 1e-12, "the batch alone is InfoNCE's");
        weights.Rows(1, 3).Objective!.ShouldEqual(weights.Objective!.narrow(0, 1, 3), 0);
        GammaWeights.Create(zeros(3)).Rows(0, 2).Objective.Should().BeNull();
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var loss = Symmetric(0.4);
        var (a, b, map) = (Draw.Normal(1, N, 3), Draw.Normal(2, N, 3), PairMap.Diagonal(N));
        var sums = loss.SumPartition(a, b, map);
        var (weights, few, elsewhere) = (GammaWeights.Create(zeros(N)), GammaWeights.Create(zeros(2)), GammaWeights.Create(zeros(N, device: META)));
        var before = Saved.Of(loss);

        Missing(() => loss.ExpectationStep(null!, a, Ids), "sums");
        Refuses(() => loss.ExpectationStep(sums, a.flatten(), Ids), "anchors must have the shape (N, D) but has (15)");
        Refuses(() => loss.ExpectationStep(sums, a.narrow(0, 0, 2), Ids), "sums have 5 anchors but anchors have 2 rows");
        Refuses(() => loss.ExpectationStep(sums, a, arange(3)), "sampleIds must have the shape (5) but have (3)");
        using var queue = new GammaContrastiveLoss(new PartitionQueue(8, 3, dtype: ScalarType.Float64));
        queue.Evaluate(a, b);
        Refuses(() => queue.ExpectationStep(queue.SumPartition(a, b, map), null), "PartitionQueue compares the anchors' features with its own candidates, but the anchors were not given");
        Refuses(() => queue.ExpectationStep(a, b, map, reverse: true), "reverse is true but the mode is OneDirection");

        foreach (var call in new Action<Tensor, Tensor, PairMap>[]
        {
            (x, y, pairs) => loss.SumPartition(x, y, pairs),
            (x, y, pairs) => loss.SumPartitions(x, y, pairs),
            (x, y, pairs) => loss.MaximizationStep(x, y, pairs, weights),
            (x, y, pairs) => loss.MaximizationStep(x, y, pairs, weights, weights, 1, 1),
        })
        {
            Missing(() => call(a, b, null!), "pairs");
            Missing(() => call(null!, b, map), "anchors");
            Refuses(() => call(a, b.narrow(1, 0, 2), map), "anchors have 3 features but candidates have 2");
            Refuses(() => call(a, b, PairMap.Diagonal(4)), "anchors have 5 rows but the pair map has 4 anchors");
            Refuses(
                () => call(a, b, map.WithWeights(ones(N))),
                "the pair map has weights of anchors, which InfoNCELoss and SigmoidContrastiveLoss take: of a GammaContrastiveLoss weigh the values per anchor (reduction None)");
        }
        Missing(() => loss.MaximizationStep(a, b, map, null!), "weights");
        Missing(() => loss.MaximizationStep(a, b, map, weights, null!, 1, 1), "reverseWeights");
        Refuses(() => loss.MaximizationStep(a, b, map, few), "weights are of 2 anchors but anchors have 5 rows");
        Refuses(() => loss.MaximizationStep(a, b, map, few, weights, 1, 1), "weights are of 2 anchors but anchors have 5 rows");
        Refuses(() => loss.MaximizationStep(a, b, map, weights, few, 1, 1), "reverseWeights are of 2 anchors but candidates have 5 rows");
        Refuses(() => loss.MaximizationStep(a, b, map, elsewhere), "anchors are on cpu but weights are on meta");
        Refuses(() => loss.MaximizationStep(a, b, map, weights, elsewhere, 1, 1), "candidates are on cpu but reverseWeights are on meta");
        Refuses(() => loss.MaximizationStep(a, b, map, weights, (nn.Reduction)9), "reduction");
        Refuses(() => loss.MaximizationStep(a, b, map, weights, weights, -1, 1), "share");
        Refuses(() => loss.MaximizationStep(a, b, map, weights, weights, 1, double.NaN), "reverseShare");
        Saved.Of(loss).Should().Equal(before);

        using var step = loss.BeginStep(a, b, arange(N));
        Missing(() => step.Block(null!, 0, b, 0), "anchors");
        Missing(() => step.Block(a, 0, null!, 0), "candidates");
    }

    private static void Missing(Action action, string argument) => action.Should().Throw<ArgumentNullException>().WithParameterName(argument);

    private static GammaContrastiveLoss Symmetric(double temperature)
        => new(new PartitionTable(9, dtype: ScalarType.Float64), Temperature.Learned(temperature), ContrastMode.Symmetric);

    private static IEnumerable<(long Row, long Rows, long Column, long Columns)> Blocks(long rows, long columns)
    {
        for (long i = 0; i < N; i += rows)
            for (long j = 0; j < N; j += columns)
                yield return (i, Math.Min(rows, N - i), j, Math.Min(columns, N - j));
    }
}
