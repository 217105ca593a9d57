using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Memory;

/// <summary>A memory of recent rows beside the batch, of both losses that take one.</summary>
public class CrossBatchMemoryTests
{
    private const long Width = 5;

    public static IEnumerable<object[]> Settings { get; } =
        from mode in Enum.GetValues<ContrastMode>()
        from temperature in new[] { 0.05, 0.1, 1 }
        from learned in new[] { false, true }
        from tiles in new[] { false, true }
        select new object[] { mode, temperature, learned, tiles };

    [Theory]
    [MemberData(nameof(Settings))]
    public void The_decomposable_loss_and_its_gradients_are_those_of_the_formulas_step_after_step(
        ContrastMode mode, double temperature, bool learned, bool tiles)
    {
        using var scope = NewDisposeScope();
        var oneSet = mode == ContrastMode.TwoViews;
        var population = oneSet ? 39 : 20;
        using var tau = learned ? Temperature.Learned(temperature, 0.01) : Temperature.Fixed(temperature);
        using var memory = new CrossBatchMemory(9, Width, dtype: ScalarType.Float64);
        using var loss = new GammaContrastiveLoss(new BatchPartition(population), tau, mode, memory: memory)
        {
            Tiling = tiles ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole,
        };
        var reference = new MemoryReference(population, 9, mode == ContrastMode.Symmetric, oneSet);
        long[][] batches = [[3, 7, 11, 2], [4, 7, 19, 5], [0, 4, 3, 1], [9, 8, 12, 13], [3, 9]];
        for (var step = 0; step < batches.Length; step++)
        {
            var ids = batches[step];
            memory.Length = reference.Length = step == 3 ? 4 : 9;
            var (a, b) = (Draw.Leaf(10 + step, ids.Length, Width), Draw.Leaf(20 + step, ids.Length, Width));
            var (c, d) = (a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_());
            var logScale = tensor(-Math.Log(temperature), dtype: ScalarType.Float64, requires_grad: true);
            foreach (var parameter in loss.parameters()) parameter.grad = null;

            var actual = loss.forward(a, b, tensor(ids));
            var expected = reference.Loss(c, d, ids, logScale.exp());
            actual.backward();
            expected.backward();

            actual.ShouldEqual(expected.detach(), 1e-6 * (learned ? 1 : 1e-5), $"step {step}");
            a.grad!.ShouldEqual(c.grad!, 1e-6 * (learned ? 1 : 1e-4), $"step {step}");
            b.grad!.ShouldEqual(d.grad!, 1e-6 * (learned ? 1 : 1e-4), $"step {step}");
            if (!learned) continue;
            double byScale = tau.parameters().Single().grad!.item<float>(), expectedByScale = logScale.grad!.item<double>();
            byScale.Should().BeApproximately(expectedByScale, 2e-5 * (1 + Math.Abs(expectedByScale)), $"step {step}");
        }
    }

    /// <summary>In the second and third batch a picture has no caption and a caption no picture: they are skipped.</summary>
    [Theory]
    [InlineData(ContrastMode.OneDirection, false, nn.Reduction.Mean)]
    [InlineData(ContrastMode.OneDirection, true, nn.Reduction.Sum)]
    [InlineData(ContrastMode.Symmetric, false, nn.Reduction.Sum)]
    [InlineData(ContrastMode.Symmetric, true, nn.Reduction.Mean)]
    public void Several_captions_a_picture_are_its_positives_and_remembered_ones_are_none(ContrastMode mode, bool tiles, nn.Reduction reduction)
    {
        using var scope = NewDisposeScope();
        using var loss = new GammaContrastiveLoss(
            new BatchPartition(30), Temperature.Fixed(0.2), mode, missingPairs: MissingPairs.Skip, reduction: reduction,
            memory: new CrossBatchMemory(7, Width, dtype: ScalarType.Float64))
        {
            Tiling = tiles ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole,
        };
        var reference = new MemoryReference(30, 7, mode == ContrastMode.Symmetric, oneSet: false) { Length = 7, IsSum = reduction == nn.Reduction.Sum };
        (long[] Pictures, long[] Captions)[] batches =
            [([1, 2, 3], [1, 1, 2, 3, 3, 3]), ([4, 8, 2], [4, 2, 2, 4]), ([3, 5, 6, 1], [3, 5, 9, 5, 6, 1]), ([3, 4, 7], [4, 3, 7])];
        foreach (var (step, (pictures, captions)) in batches.Index())
        {
            var (a, b) = (Draw.Leaf(60 + step, pictures.Length, Width), Draw.Leaf(70 + step, captions.Length, Width));
            var (c, d) = (a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_());
            var actual = loss.forward(a, b, null, PairMap.FromLabels(tensor(pictures), tensor(captions)));
            var expected = reference.LossOfLabels(c, d, pictures, captions, tensor(5.0));
            actual.backward();
            expected.backward();
            actual.ShouldEqual(expected.detach(), 1e-11, $"step {step}");
            a.grad!.ShouldEqual(c.grad!, 1e-10, $"step {step}");
            b.grad!.ShouldEqual(d.grad!, 1e-10, $"step {step}");
        }
    }

    [Theory]
    [InlineData(ContrastMode.OneDirection)]
    [InlineData(ContrastMode.Symmetric)]
    public void Beside_a_queue_a_memory_is_no_logit_bias(ContrastMode mode)
    {
        using var scope = NewDisposeScope();
        using var loss = new GammaContrastiveLoss(
            new PartitionQueue(8, Width, dtype: ScalarType.Float64), mode: mode, memory: new CrossBatchMemory(8, Width, dtype: ScalarType.Float64));
        for (var step = 0; step < 3; step++)
        {
            using var value = loss.forward(Draw.Normal(step, 3, Width), Draw.Normal(9 + step, 3, Width), arange(3) + (3 * step));
            double.IsFinite(value.item<double>()).Should().BeTrue();
        }
    }

    [Theory]
    [InlineData(ContrastMode.OneDirection)]
    [InlineData(ContrastMode.Symmetric)]
    [InlineData(ContrastMode.TwoViews)]
    public void A_memory_that_is_empty_or_has_no_length_leaves_the_losses_as_they_are_bit_for_bit(ContrastMode mode)
    {
        using var scope = NewDisposeScope();
        foreach (var make in new Func<CrossBatchMemory?, ContrastiveLoss>[]
        {
            memory => new GammaContrastiveLoss(new PartitionTable(40), mode: mode, memory: memory),
            memory => new InfoNCELoss(mode: mode, memory: memory),
        })
        {
            var memory = new CrossBatchMemory(16, Width) { Length = 0 };
            using var plain = make(null);
            using var with = make(memory);
            for (var step = 0; step < 3; step++)
            {
                var ids = tensor(new long[] { 1, 5, 9, 3 + step });
                var (a, b) = (Draw.Leaf(step, 4, Width).to(ScalarType.Float32).detach().requires_grad_(), Draw.Leaf(9 + step, 4, Width).to(ScalarType.Float32).detach().requires_grad_());
                var (c, d) = (a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_());
                var (expected, actual) = (plain.forward(a, b, ids), with.forward(c, d, ids));
                expected.backward();
                actual.backward();
                actual.ShouldEqual(expected, 0);
                c.grad!.ShouldEqual(a.grad!, 0);
                d.grad!.ShouldEqual(b.grad!, 0);
            }
            memory.Count.Should().Be(mode == ContrastMode.TwoViews ? 16 : 12, "it fills all the same");
        }
    }

    /// <summary>All batches of two of six items, each with all memories of two of the other four: the mean gradient is the full one.</summary>
    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 2)]
    [InlineData(true, 3)]
    public void The_gradient_is_unbiased_where_the_encoders_stand_still(bool symmetric, int remembered)
    {
        using var scope = NewDisposeScope();
        const int n = 6;
        var (x, y) = (Draw.Leaf(1, n, Width), Draw.Leaf(2, n, Width));
        var (u, v) = (Draw.Normal(3, n), Draw.Normal(4, n));
        using var memory = new CrossBatchMemory(remembered, Width, dtype: ScalarType.Float64);
        using var loss = new GammaContrastiveLoss(
            new FixedPartition(u, n), Temperature.Fixed(0.4), symmetric ? ContrastMode.Symmetric : ContrastMode.OneDirection,
            reverseEstimator: symmetric ? new FixedPartition(v, n) : null, memory: memory);
        loss.eval();

        var (byX, byY, draws) = (zeros_like(x), zeros_like(y), 0);
        var (unitX, unitY) = (nn.functional.normalize(x.detach(), 2, 1), nn.functional.normalize(y.detach(), 2, 1));
        for (var first = 0; first < n; first++)
        {
            for (var second = first + 1; second < n; second++)
            {
                long[] batch = [first, second];
                foreach (var items in Subsets([.. Enumerable.Range(0, n).Select(i => (long)i).Except(batch)], remembered))
                {
                    var rows = tensor(items);
                    memory.Clear();
                    memory.Enqueue(unitX[rows], unitY[rows], rows, null, u[rows].neg(), v[rows].neg());
                    var (a, b) = (x.detach()[tensor(batch)].requires_grad_(), y.detach()[tensor(batch)].requires_grad_());
                    loss.forward(a, b, tensor(batch)).backward();
                    byX.index_add_(0, tensor(batch), a.grad!, 1);
                    byY.index_add_(0, tensor(batch), b.grad!, 1);
                    draws++;
                }
            }
        }

        Full(x, y, u).backward();
        if (symmetric)
        {
            var (forwardX, forwardY) = (x.grad!.clone(), y.grad!.clone());
            (x.grad, y.grad) = (null, null);
            Full(y, x, v).backward();
            x.grad = (x.grad! + forwardX) / 2;
            y.grad = (y.grad! + forwardY) / 2;
        }
        (byX / draws).ShouldEqual(x.grad!, 1e-10);
        (byY / draws).ShouldEqual(y.grad!, 1e-10);

        static Tensor Full(Tensor anchors, Tensor candidates, Tensor logPartition)
        {
            var s = (anchors / anchors.norm(1, true, 2)).matmul((candidates / candidates.norm(1, true, 2)).t()) / 0.4;
            return ((logPartition.neg().exp().unsqueeze(1) * s.exp()).sum(1L) - s.diagonal()).mean();
        }
    }

    /// <summary>
    /// What it is for: an anchor's estimate has the noise of n negatives drawn without replacement, batch and memory together,
    /// (N-1)² S²/n (1 - n/(N-1)).
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void The_noise_of_an_estimate_falls_with_the_negatives_of_batch_and_memory_together(int remembered)
    {
        using var scope = NewDisposeScope();
        const int n = 7;
        var (x, y) = (nn.functional.normalize(Draw.Normal(1, n, Width), 2, 1), nn.functional.normalize(Draw.Normal(2, n, Width), 2, 1));
        var watching = new WatchingPartition(n);
        using var memory = new CrossBatchMemory(Math.Max(1, remembered), Width, dtype: ScalarType.Float64);
        using var loss = new GammaContrastiveLoss(watching, Temperature.Fixed(0.4), memory: memory);
        loss.eval();

        var estimates = new List<double>();
        for (var partner = 1; partner < n; partner++)
        {
            long[] batch = [0, partner];
            foreach (var items in Subsets([.. Enumerable.Range(0, n).Select(i => (long)i).Except(batch)], remembered))
            {
                memory.Clear();
                var rows = tensor(items, ScalarType.Int64);
                if (remembered > 0) memory.Enqueue(x[rows], y[rows], rows, null, zeros(remembered, float64), zeros(remembered, float64));
                loss.forward(x[tensor(batch)], y[tensor(batch)], tensor(batch));
                estimates.Add(watching.Estimates[0]);
            }
        }

        var terms = x[0].matmul(y[1..].t()).div(0.4).exp().data<double>().ToArray();
        var negatives = 1 + remembered;
        var expected = Math.Pow(n - 1, 2) * MathNet.Numerics.Statistics.Statistics.Variance(terms) / negatives * (1 - (negatives / (n - 1.0)));
        MathNet.Numerics.Statistics.Statistics.PopulationVariance(estimates).Should().BeApproximately(expected, 1e-9 * expected);
    }

    [Theory]
    [InlineData(ContrastMode.OneDirection, false, 0.2)]
    [InlineData(ContrastMode.Symmetric, true, 0.2)]
    [InlineData(ContrastMode.TwoViews, false, 0.2)]
    [InlineData(ContrastMode.Symmetric, false, 0.004)]
    [InlineData(ContrastMode.OneDirection, true, 0.004)]
    [InlineData(ContrastMode.Symmetric, false, 0.001)]
    public void InfoNCE_has_remembered_rows_as_constant_negatives_inside_its_logarithm(ContrastMode mode, bool decoupled, double tau)
    {
        using var scope = NewDisposeScope();
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3) })
        {
            var memory = new CrossBatchMemory(7, Width, dtype: ScalarType.Float64);
            using var loss = new InfoNCELoss(Temperature.Fixed(tau), mode, decoupled: decoupled, memory: memory) { Tiling = tiling };
            List<(Tensor A, Tensor B, long Id)> entries = [];
            long[][] batches = [[1, 2, 3], [4, 2, 6], [7, 1, 9]];
            for (var step = 0; step < batches.Length; step++)
            {
                var ids = batches[step];
                var (a, b) = (Draw.Leaf(30 + step, 3, Width), Draw.Leaf(40 + step, 3, Width));
                var (c, d) = (a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_());
                var actual = loss.forward(a, b, tensor(ids));
                actual.backward();
                var (left, right) = (c / c.norm(1, true, 2), d / d.norm(1, true, 2));
                var rows = ids;
                if (mode == ContrastMode.TwoViews) (left, right, rows) = (cat([left, right]), cat([left, right]), [.. ids, .. ids]);
                var expected = Direction(left, right, [.. entries.Select(entry => mode == ContrastMode.TwoViews ? (entry.A, entry.Id) : (entry.B, entry.Id))]);
                if (mode == ContrastMode.Symmetric) expected = (expected + Direction(right, left, [.. entries.Select(entry => (entry.A, entry.Id))])) / 2;
                expected.backward();
                actual.ShouldEqual(expected.detach(), 1e-12 / tau);
                a.grad!.ShouldEqual(c.grad!, 1e-11 / tau);
                b.grad!.ShouldEqual(d.grad!, 1e-11 / tau);
                for (var i = 0; i < rows.Length; i++) entries.Add((left[i].detach(), right[i].detach(), rows[i]));
                if (entries.Count > 7) entries.RemoveRange(0, entries.Count - 7);

                Tensor Direction(Tensor anchors, Tensor candidates, (Tensor Row, long Id)[] remembered)
                {
                    var sum = zeros(1, dtype: ScalarType.Float64);
                    for (var i = 0; i < rows.Length; i++)
                    {
                        var positive = mode == ContrastMode.TwoViews ? (i + 3) % 6 : i;
                        var own = (anchors[i] * candidates[positive]).sum() / tau;
                        var all = Enumerable.Range(0, rows.Length).Where(j => j != i && j != positive && rows[j] != rows[i]).Select(j => (anchors[i] * candidates[j]).sum() / tau)
                            .Concat(remembered.Where(entry => entry.Id != rows[i]).Select(entry => (anchors[i] * entry.Row).sum() / tau)).ToList();
                        if (!decoupled) all.Add(own);
                        sum = sum + stack(all).logsumexp(0) - own;
                    }
                    return sum.squeeze() / rows.Length;
                }
            }
        }
    }

    [Fact]
    public void With_a_memory_InfoNCE_skips_and_counts_anchors_without_a_positive_or_throws_as_it_is_told()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, Width), Draw.Leaf(2, 3, Width));
        var map = PairMap.FromLabels(tensor(new long[] { 1, 2, 5, 3 }), tensor(new long[] { 3, 7, 1 }));
        using var strict = new InfoNCELoss(mode: ContrastMode.Symmetric, memory: new CrossBatchMemory(8, Width, dtype: ScalarType.Float64));
        Refuses(() => strict.forward(a, b, null, map), "anchor 1 has no positive among the candidates (2 of 4 anchors lack one)");
        strict.Memory!.Count.Should().Be(0);

        using var lenient = new InfoNCELoss(
            Temperature.Fixed(0.3), ContrastMode.Symmetric, missingPairs: MissingPairs.Skip, memory: new CrossBatchMemory(8, Width, dtype: ScalarType.Float64));
        lenient.Evaluate(a, b, null, map).SkippedAnchors.Should().Be(3, "two of one direction, one of the other");
        lenient.Memory!.Count.Should().Be(4, "they are remembered all the same");
        lenient.Evaluate(a, b, null, map).SkippedAnchors.Should().Be(3);
        lenient.state_dict().Keys.Should().Contain(key => key.StartsWith("memory."));
        using var single = new InfoNCELoss(memory: new CrossBatchMemory(8, Width));
        single.Invoking(loss => loss.EvaluateNegatives(a, a, b)).Should().Throw<InvalidOperationException>().WithMessage("the loss has a memory*");

        const string Plain = "remembered rows are plain negatives: they do not go with weighted positives, hard negatives or smoothed labels";
        var memory = new CrossBatchMemory(8, Width);
        Refuses(() => new InfoNCELoss(decoupled: true, misesFisherSigma: 0.5, memory: memory), Plain);
        Refuses(() => new InfoNCELoss(hardNegatives: new HardNegatives(), memory: memory), Plain);
        Refuses(() => new InfoNCELoss(labelSmoothing: 0.1, memory: memory), Plain);
    }

    [Fact]
    public void Entries_of_an_anchors_label_are_excluded()
    {
        using var scope = NewDisposeScope();
        using var memory = new CrossBatchMemory(8, Width, dtype: ScalarType.Float64);
        using var loss = new InfoNCELoss(missingPairs: MissingPairs.Skip, memory: memory);
        var (x, labels) = (Draw.Leaf(1, 4, Width), tensor(new long[] { 0, 0, 1, 1 }));
        var first = loss.forward(x, x, null, PairMap.FromLabels(labels));
        memory.Count.Should().Be(4);
        var y = Draw.Leaf(2, 4, Width);
        using var plain = new InfoNCELoss(missingPairs: MissingPairs.Skip);
        loss.eval();
        var same = tensor(new long[] { 0, 0, 0, 0 });
        var all = cat([y, x.detach()]);
        var expected = plain.Evaluate(y, all, null, PairMap.FromLabels(same, cat([same, tensor(new long[] { 2, 2, 1, 1 })]))
            .Exclude(cat([eye(4, dtype: ScalarType.Bool), tensor(new[] { true, true, false, false }).expand(4, 4)], 1)));
        loss.Evaluate(y, y, null, PairMap.FromLabels(same)).Loss.ShouldEqual(expected.Loss, 1e-12);
        first.requires_grad.Should().BeTrue();
    }

    [Fact]
    public void A_run_that_is_resumed_is_the_run_that_was_not_interrupted_and_steps_leave_nothing_behind()
    {
        using var scope = NewDisposeScope();
        using var straight = Make();
        using var first = Make();
        for (var step = 0; step < 3; step++) (Step(straight, step), Step(first, step)).Item1.ShouldEqual(Step(null, step), double.PositiveInfinity);
        using var stream = new MemoryStream(Saved.Of(first));
        using var second = Make();
        second.load(stream);
        for (var step = 3; step < 7; step++) Step(second, step).ShouldEqual(Step(straight, step), 0);
        Saved.Of(second).Should().Equal(Saved.Of(straight));

        using var one = Make();
        var (a, b, ids) = (Draw.Normal(1, 4, Width), Draw.Normal(2, 4, Width), arange(4));
        TensorCount.ShouldStay(() =>
        {
            one.Memory!.FollowStepSize(0.01);
            one.forward(a, b, ids).Dispose();
        });

        static GammaContrastiveLoss Make() => new(
            new PartitionTable(40, dtype: ScalarType.Float64), Temperature.Learned(0.3), ContrastMode.Symmetric, memory: new CrossBatchMemory(10, Width, 2, dtype: ScalarType.Float64));

        static Tensor Step(GammaContrastiveLoss? loss, int step)
        {
            if (loss is null) return zeros([], dtype: ScalarType.Float64);
            loss.Memory!.FollowStepSize(0.1 / (1 + step));
            return loss.forward(Draw.Normal(step, 3, Width), Draw.Normal(50 + step, 3, Width), tensor(new long[] { step, step + 9, 30 - step })).detach();
        }
    }

    [Fact]
    public void The_length_follows_the_step_size_and_never_falls_below_a_batch()
    {
        using var memory = new CrossBatchMemory(1024, Width);
        memory.Length.Should().Be(1024);
        double[] steps = [0.001, 0.002, 0.002, 0.001, 0.0005, 0.0001, 0.002];
        long[] lengths = [128, 128, 128, 256, 512, 1024, 128];
        foreach (var (step, length) in steps.Zip(lengths))
        {
            memory.FollowStepSize(step);
            memory.Length.Should().Be(length, $"the step size is {step}");
        }
        using var small = new CrossBatchMemory(100, Width, lengthAtPeak: 2);
        using var loss = new InfoNCELoss(memory: small);
        loss.forward(Draw.Normal(1, 6, Width).to(ScalarType.Float32), Draw.Normal(2, 6, Width).to(ScalarType.Float32)).Dispose();
        small.FollowStepSize(0.1);
        small.Length.Should().Be(6);
        small.Invoking(bad => bad.FollowStepSize(double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        small.Invoking(bad => bad.Length = 101).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*100*101*");
    }

    [Fact]
    public void A_single_item_that_finds_the_memory_empty_is_skipped_and_remembered()
    {
        using var scope = NewDisposeScope();
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            foreach (var loss in new ContrastiveLoss[]
            {
                new GammaContrastiveLoss(new PartitionTable(9), mode: mode, memory: new CrossBatchMemory(8, Width, dtype: ScalarType.Float64)),
                new InfoNCELoss(mode: mode, memory: new CrossBatchMemory(8, Width, dtype: ScalarType.Float64)),
            })
            {
                using (loss)
                {
                    var a = Draw.Leaf(1, 1, Width);
                    var first = loss.Evaluate(a, Draw.Normal(2, 1, Width), tensor(new long[] { 3 }));
                    first.Loss.item<double>().Should().Be(0);
                    first.SkippedAnchors.Should().BePositive();
                    first.Loss.backward();
                    a.grad!.ShouldEqual(zeros_like(a), 0);
                    var second = loss.Evaluate(Draw.Leaf(3, 1, Width), Draw.Normal(4, 1, Width), tensor(new long[] { 5 }));
                    second.SkippedAnchors.Should().Be(0);
                    second.Loss.isfinite().item<bool>().Should().BeTrue();
                }
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_anything_changes()
    {
        using var scope = NewDisposeScope();
        var memory = new CrossBatchMemory(8, Width, dtype: ScalarType.Float64);
        using var loss = new GammaContrastiveLoss(new PartitionTable(9), memory: memory);
        var (x, ids) = (Draw.Normal(1, 3, Width), arange(3));
        loss.forward(x, x.neg(), ids).Dispose();
        var before = Saved.Of(loss);

        var nan = x.clone();
        nan[1, 2] = double.NaN;
        Action[] wrong =
        [
            () => loss.forward(Draw.Normal(1, 3, 4), Draw.Normal(1, 3, 4), ids),
            () => loss.forward(nan, x, ids),
            () => loss.forward(x, nan, ids),
            () => loss.forward(x, x, ids, PairMap.Diagonal(3).WithLogitBias(zeros(3))),
            () => memory.Enqueue(x, nan),
            () => memory.Enqueue(x, Draw.Normal(1, 3, 4)),
            () => memory.Enqueue(x, x, arange(2)),
            () => memory.Enqueue(x, x, ids, null, zeros(2)),
        ];
        foreach (var action in wrong) action.Should().Throw<ArgumentException>();
        loss.Invoking(l => l.BeginStep(x, x, ids)).Should().Throw<InvalidOperationException>().WithMessage("the loss has a memory, whose rows are in no block*");
        using var sampled = new GammaContrastiveLoss(new BatchPartition(), positiveSampling: PositiveSampling.Sampled, memory: new CrossBatchMemory(8, Width));
        Refuses(() => sampled.forward(x, x, null, PairMap.FromLabels(ids)), "with PositiveSampling.Sampled remembered rows of a label would be positives*leave out the memory or the labels");
        Saved.Of(loss).Should().Equal(before);

        using var infoNce = new InfoNCELoss(memory: new CrossBatchMemory(8, Width, dtype: ScalarType.Float64));
        infoNce.forward(x, x.neg(), ids).Dispose();
        before = Saved.Of(infoNce);
        Refuses(() => infoNce.forward(nan, x, ids), "anchors are not finite in row 1; nothing was changed");
        Refuses(() => infoNce.forward(x, nan, ids), "candidates are not finite in row 1; nothing was changed");
        Saved.Of(infoNce).Should().Equal(before);

        loss.eval();
        loss.forward(x, x, ids).Dispose();
        memory.Count.Should().Be(3, "in evaluation nothing is stored");
        Refuses(() => new GammaContrastiveLoss(new PartitionTable(9), reduction: nn.Reduction.None, memory: memory), "the loss has no reduction: what remembered anchors add");
    }

    [Fact]
    public void A_large_batch_step_gives_the_gradients_of_the_whole_with_a_memory()
    {
        using var scope = NewDisposeScope();
        using var tower = nn.Linear(Width, Width, dtype: ScalarType.Float64);
        var (x, y) = (Draw.Normal(1, 6, Width), Draw.Normal(2, 6, Width));
        using var whole = Make();
        using var pieces = Make();
        for (var step = 0; step < 2; step++)
        {
            var ids = tensor(new long[] { 1, 2, 3, 4, 5, 6 }) + (step * 3);
            tower.zero_grad();
            whole.forward(tower.forward(x), tower.forward(y), ids).backward();
            var expected = tower.weight!.grad!.clone();
            tower.zero_grad();
            new LargeBatchStep(2, [tower]).Backward(
                6, (first, count) => (tower.forward(x.narrow(0, first, count)), tower.forward(y.narrow(0, first, count))), pieces, ids);
            tower.weight!.grad!.ShouldEqual(expected, 1e-12);
        }
        Saved.Of(pieces).Should().Equal(Saved.Of(whole));

        static GammaContrastiveLoss Make() => new(
            new PartitionTable(40, dtype: ScalarType.Float64), mode: ContrastMode.Symmetric, memory: new CrossBatchMemory(10, Width, dtype: ScalarType.Float64));
    }

    [Fact]
    public void The_newest_rows_can_be_read_oldest_first_as_copies()
    {
        using var scope = NewDisposeScope();
        using var memory = new CrossBatchMemory(4, 2, dtype: ScalarType.Float64);
        memory.Newest().Should().BeNull();
        var rows = Draw.Normal(1, 6, 2);
        memory.Enqueue(rows.narrow(0, 0, 3), -rows.narrow(0, 0, 3), tensor(new long[] { 0, 1, 2 }));
        memory.Enqueue(rows.narrow(0, 3, 2), -rows.narrow(0, 3, 2));
        var newest = memory.Newest()!;
        newest.Anchors.ShouldEqual(rows.narrow(0, 1, 4), 0, "the oldest made room");
        newest.Candidates.ShouldEqual(-rows.narrow(0, 1, 4), 0);
        newest.AnchorIds.data<long>().Should().Equal(1, 2, long.MinValue, long.MinValue);
        newest.CandidateIds.IsSameAs(newest.AnchorIds).Should().BeTrue();
        memory.Enqueue(rows.narrow(0, 5, 1), -rows.narrow(0, 5, 1));
        newest.Anchors.ShouldEqual(rows.narrow(0, 1, 4), 0, "they are copies");
        memory.Length = 1;
        memory.Newest()!.Anchors.ShouldEqual(rows.narrow(0, 5, 1), 0);
        TensorCount.ShouldStay(() =>
        {
            var (anchors, anchorIds, candidates, candidateIds) = memory.Newest()!;
            foreach (var tensor in new[] { anchors, anchorIds, candidates, candidateIds }) tensor.Dispose();
        });
        memory.Length = 0;
        memory.Newest().Should().BeNull();
    }

    [Fact]
    public void A_batch_put_in_from_outside_is_what_a_loss_puts_in()
    {
        using var scope = NewDisposeScope();
        var (a, b, ids) = (Draw.Normal(1, 4, Width), Draw.Normal(2, 4, Width), arange(4, dtype: ScalarType.Int64));
        using var memory = new CrossBatchMemory(9, Width, dtype: ScalarType.Float64);
        using var loss = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.5), ContrastMode.Symmetric, SimilarityMeasure.DotProduct, memory: memory);
        loss.Evaluate(a, b, ids).Dispose();
        var (rows, samples, weights) = memory.NewestAnchors()!.Value;
        var (others, _, otherWeights) = memory.NewestCandidates()!.Value;
        rows.ShouldEqual(a, 0);
        others.ShouldEqual(b, 0);
        samples.data<long>().ToArray().Should().Equal(0, 1, 2, 3);

        using var outside = new CrossBatchMemory(9, Width, dtype: ScalarType.Float64);
        outside.EnqueueBatch(a, b, ids, weights, otherWeights);
        foreach (var (name, buffer) in memory.named_buffers()) outside.get_buffer(name)!.ShouldEqual(buffer, 0, name);

        using var note = new CrossBatchMemory(9, Width, remembersBatches: false, dtype: ScalarType.Float64);
        note.EnqueueBatch(a, null);
        note.NewestAnchors().Should().BeNull();
        note.FollowStepSize(0.1);
        note.Length.Should().Be(9);
        Refuses(() => note.EnqueueBatch(a, Draw.Normal(1, 4, 2)), "candidates have 2 features but the memory's have 5");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_of_one_sample_too_many_for_a_list_are_masked(bool tiles)
    {
        using var scope = NewDisposeScope();
        const int n = 20, k = 24;
        // 18 of the batch's rows and 20 of those remembered are of sample 7.
        long[] ids = [.. Enumerable.Range(0, n).Select(i => i < 18 ? 7L : i)], remembered = [.. Enumerable.Range(0, k).Select(m => m < 20 ? 7L : m - 2)];
        var (x, rows, logWeights, logScales) = (Draw.Leaf(1, n, Width), Draw.Normal(2, k, Width), Draw.Normal(3, 1, k)[0], Draw.Normal(4, 1, n)[0]);
        var entries = new MemoryEntries(rows, tensor(remembered), full(k, long.MinValue, dtype: ScalarType.Int64), logWeights);
        var map = entries.PairsWith(n, tensor(ids), null);
        map.Diagonals(PositiveSampling.Complete).Should().BeNull();
        var beside = new RememberedRows(new FeatureRows(x, SimilarityMeasure.DotProduct), entries, map, tiles ? AnyTiling.Tiles(3, 5) : AnyTiling.Whole);

        var pushed = beside.Push(LogitScale.Of(temperature: 2), logScales, share: 0.3);
        pushed.backward();

        var other = tensor(ids).unsqueeze(1).ne(tensor(remembered).unsqueeze(0)).to(ScalarType.Float64);
        beside.CountNegatives().ShouldEqual(other.sum(dim: 1), 0);
        var y = x.detach().clone().requires_grad_();
        ((y.matmul(rows.t()) / 2 + logWeights.unsqueeze(0) + logScales.unsqueeze(1)).exp() * other).sum().mul(0.3).backward();
        pushed.item<double>().Should().Be(0);
        x.grad!.ShouldEqual(y.grad!, 1e-11);
    }

    [Fact]
    public void What_is_cleared_is_gone_and_what_does_not_fit_is_named()
    {
        using var scope = NewDisposeScope();
        var (a, b, ids) = (Draw.Normal(1, 3, Width), Draw.Normal(2, 4, Width), arange(3, dtype: ScalarType.Int64));
        using var memory = new CrossBatchMemory(9, Width, dtype: ScalarType.Float64);
        memory.Enqueue(a, b, ids);
        memory.NewestAnchors()!.Value.Ids.data<long>().ToArray().Should().Equal(0, 1, 2);
        memory.NewestCandidates()!.Value.Ids.data<long>().ToArray().Should().AllBeEquivalentTo(long.MinValue, "four candidates are not the three samples");
        memory.Clear();
        memory.Count.Should().Be(0);
        memory.NewestAnchors().Should().BeNull();
        memory.NewestCandidates().Should().BeNull();
        memory.Enqueue(a, a.neg(), ids);
        memory.NewestCandidates()!.Value.Ids.data<long>().ToArray().Should().Equal(0, 1, 2);
        memory.Count.Should().Be(3);

        Refuses(() => new CrossBatchMemory(9, Width, dtype: ScalarType.Int64), "Int64");
        Refuses(() => memory.EnqueueBatch(Draw.Normal(1, 3, 2), null), "anchors have 2 features but the memory's have 5");
        Refuses(() => memory.Enqueue(a, a, anchorLogWeights: zeros(2)), "the log weights of anchors must have the shape (3) but have (2)");
        Refuses(() => memory.Enqueue(a, a, candidateLogWeights: zeros(3, 1)), "the log weights of candidates must have the shape (3) but have (3, 1)");
        Refuses(() => memory.Enqueue(Draw.Normal(1, 15, 1)[0], a), "anchors");
        Refuses(() => memory.Enqueue(empty(3, Width, dtype: ScalarType.Float64, device: META), a), "anchors are on meta but those of the memory are on cpu");
        Refuses(() => memory.Enqueue(a, a, empty(3, dtype: ScalarType.Int64, device: META)), "anchors are on cpu but ids are on meta");
        using var loss = new InfoNCELoss(memory: memory);
        Refuses(() => loss.forward(a, a.neg(), ids, PairMap.Diagonal(3).WithLogitBias(zeros(3))), "a logit bias says nothing of remembered rows");
        Refuses(() => loss.forward(Draw.Normal(1, 3, 2), Draw.Normal(2, 3, 2)), "anchors have 2 features but the memory's have 5");
        memory.Count.Should().Be(3);
        memory.to(ScalarType.Float16);
        FluentActions.Invoking(() => memory.Enqueue(a, a)).Should().Throw<InvalidOperationException>().WithMessage("*memory*Float16*");
    }

    [Fact]
    public void A_loss_puts_nothing_into_a_memory_that_others_fill()
    {
        using var scope = NewDisposeScope();
        foreach (var make in new Func<CrossBatchMemory, ContrastiveLoss>[]
        {
            memory => new InfoNCELoss(memory: memory),
            memory => new GammaContrastiveLoss(new BatchPartition(), memory: memory),
        })
        {
            using var memory = new CrossBatchMemory(9, Width, remembersBatches: false, dtype: ScalarType.Float64);
            using var loss = make(memory);
            loss.forward(Draw.Normal(1, 3, Width), Draw.Normal(2, 3, Width));
            memory.Count.Should().Be(0);
            memory.Enqueue(Draw.Normal(1, 2, Width), Draw.Normal(2, 2, Width));
            loss.forward(Draw.Normal(1, 3, Width), Draw.Normal(2, 3, Width));
            memory.Count.Should().Be(2);
        }
    }

    /// <summary>The rows of a block have labels of their own, not those of the first rows of the whole map.</summary>
    [Theory]
    [InlineData(ContrastMode.OneDirection)]
    [InlineData(ContrastMode.Symmetric)]
    public void A_block_of_a_map_of_labels_is_remembered_as_a_map_of_its_rows_is(ContrastMode mode)
    {
        using var scope = NewDisposeScope();
        var (left, right) = (tensor(new long[] { 7, 7, 0, 1, 2, 0, 1, 7 }), tensor(new long[] { 5, 0, 1, 2, 1, 5, 5 }));
        var whole = PairMap.FromLabels(left, right);
        foreach (var (first, count, from, to) in new[] { (2, 4, 1, 4), (0, 4, 0, 4), (3, 2, 2, 3), (2, 5, 1, 4) })
        {
            foreach (var make in new Func<CrossBatchMemory, ContrastiveLoss>[]
            {
                memory => new InfoNCELoss(Temperature.Fixed(0.3), mode, missingPairs: MissingPairs.Skip, memory: memory),
                memory => new GammaContrastiveLoss(new BatchPartition(30), Temperature.Fixed(0.3), mode, missingPairs: MissingPairs.Skip, memory: memory),
            })
            {
                using var asBlock = make(new CrossBatchMemory(9, Width, dtype: ScalarType.Float64));
                using var byItself = make(new CrossBatchMemory(9, Width, dtype: ScalarType.Float64));
                for (var step = 0; step < 3; step++)
                {
                    var (a, b) = (Draw.Leaf(10 + step, count, Width), Draw.Leaf(20 + step, to, Width));
                    Gradients.ShouldAgree(
                        () => asBlock.forward(a, b, null, whole.Block(first, count, from, to)),
                        () => byItself.forward(a, b, null, PairMap.FromLabels(left.narrow(0, first, count), right.narrow(0, from, to))),
                        1e-11, a, b);
                    Saved.Of(asBlock).Should().Equal(Saved.Of(byItself), $"step {step}");
                }
            }
        }
    }

    private static IEnumerable<long[]> Subsets(long[] items, int count)
    {
        if (count == 0) return [[]];
        return items.SelectMany((item, index) => Subsets(items[(index + 1)..], count - 1).Select(rest => (long[])[item, .. rest]));
    }

    /// <summary>Estimates that are given, so that u is fixed per sample.</summary>
    /// <summary>Takes the batch for the whole, and remembers what it saw.</summary>
    private sealed class WatchingPartition(long population) : PartitionEstimator(nameof(WatchingPartition), population)
    {
        /// <summary>The negatives' share of Z̃_i of each anchor.</summary>
        public double[] Estimates { get; private set; } = [];

        public override PartitionEstimator CreateSibling() => new WatchingPartition(Population!.Value);

        public override PartitionEstimate Estimate(PartitionObservation observation)
        {
            var sums = observation.Sums;
            var estimate = sums.LogEstimate(Population);
            Estimates = (estimate.exp() - sums.LogPositives.exp()).data<double>().ToArray();
            return new PartitionEstimate(estimate, sums.LogNegativeScale(Population));
        }
    }

    private sealed class FixedPartition(Tensor logPartition, long population) : PartitionEstimator(nameof(FixedPartition), population)
    {
        public override PartitionEstimator CreateSibling() => new FixedPartition(logPartition, Population!.Value);

        public override PartitionEstimate Estimate(PartitionObservation observation)
            => new(logPartition[observation.SampleIds!], observation.Sums.LogNegativeScale(Population));
    }
}
