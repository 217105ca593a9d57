using CsCheck;
using MathNet.Numerics.Distributions;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>What the decomposable loss promises (section by section of its derivation).</summary>
public class GammaPropertiesTests
{
    private const int N = 7;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    public void Unbiased_the_mean_over_all_minibatches_is_the_full_gradient_for_fixed_u(int batchSize)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, N, 3), Draw.Leaf(2, N, 3));
        var logU = Draw.Normal(3, N);
        using var loss = new GammaContrastiveLoss(new BatchPartition(N), Temperature.Fixed(0.3));

        var full = Gradients.Of(MStep(arange(N, dtype: ScalarType.Int64)), a, b);
        var (meanA, meanB, count) = (zeros_like(a), zeros_like(b), 0);
        foreach (var batch in Subsets(N, batchSize))
        {
            var gradients = Gradients.Of(MStep(tensor(batch)), a, b);
            (meanA, meanB, count) = (meanA + gradients[0], meanB + gradients[1], count + 1);
        }
        (meanA / count).ShouldEqual(full[0], 1e-10);
        (meanB / count).ShouldEqual(full[1], 1e-10);

        Tensor MStep(Tensor rows)
        {
            var size = rows.shape[0];
            var (anchors, candidates) = (a.index_select(0, rows), b.index_select(0, rows));
            var scale = loss.ExpectationStep(anchors, candidates, PairMap.Diagonal(size)).LogNegativeScale;
            var weights = GammaWeights.Create(logU.index_select(0, rows), scale);
            return loss.MaximizationStep(anchors, candidates, PairMap.Diagonal(size), weights, nn.Reduction.Mean);
        }
    }

    [Fact]
    public void InfoNCE_is_biased_and_less_so_as_the_batch_grows()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, N, 3), Draw.Leaf(2, N, 3));
        using var loss = new InfoNCELoss(Temperature.Fixed(0.3));
        var full = Gradients.Of(loss.forward(a, b), a)[0];
        var gaps = new List<double>();
        for (var batchSize = 2; batchSize <= N; batchSize++)
        {
            var mean = zeros_like(a);
            var count = 0;
            foreach (var batch in Subsets(N, batchSize))
            {
                var rows = tensor(batch);
                mean += Gradients.Of(loss.forward(a.index_select(0, rows), b.index_select(0, rows)), a)[0];
                count++;
            }
            gaps.Add(((mean / count) - full).norm().item<double>() / full.norm().item<double>());
        }
        gaps[0].Should().BeGreaterThan(0.1);
        gaps.Should().BeInDescendingOrder();
        gaps[^1].Should().BeLessThan(1e-12, "the whole data set is no sample");
    }

    [Theory]
    [InlineData(SimilarityMeasure.Cosine)]
    [InlineData(SimilarityMeasure.DotProduct)]
    public void With_u_at_one_over_Z_of_the_full_data_the_gradient_is_full_InfoNCEs(SimilarityMeasure measure)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, N, 3), Draw.Leaf(2, N, 3));
        using var info = new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.Symmetric, measure);
        using var gamma = new GammaContrastiveLoss(new BatchPartition(N), Temperature.Fixed(0.2), ContrastMode.Symmetric, measure);
        var expected = Gradients.Of(info.forward(a, b), a, b);
        var result = gamma.Evaluate(a, b);
        result.Objective.ShouldEqual(info.forward(a, b), 1e-12);
        var actual = Gradients.Of(result.Loss, a, b);
        actual[0].ShouldEqual(expected[0], 1e-12);
        actual[1].ShouldEqual(expected[1], 1e-12);
    }

    [Fact]
    public void With_several_positives_its_gradient_is_SupCons()
    {
        using var scope = NewDisposeScope();
        var z = Draw.Leaf(1, 8, 3);
        var map = PairMap.FromLabels(tensor(new long[] { 0, 1, 2, 1, 0, 1, 2, 1 }));
        using var info = new InfoNCELoss(Temperature.Fixed(0.4));
        foreach (var sampling in Enum.GetValues<PositiveSampling>())
        {
            using var gamma = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.4), positiveSampling: sampling);
            Gradients.Of(gamma.forward(z, z, null, map), z)[0].ShouldEqual(Gradients.Of(info.forward(z, z, null, map), z)[0], 1e-12);
            gamma.Evaluate(z, z, null, map).Objective.ShouldEqual(info.forward(z, z, null, map), 1e-12);
        }
    }

    [Fact]
    public void The_batch_alone_has_InfoNCEs_gradient_on_average_over_u()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Normal(2, 4, 3));
        using var generator = new Generator(5);
        using var info = new InfoNCELoss(Temperature.Fixed(0.5));
        using var gamma = new GammaContrastiveLoss(
            new BatchPartition(), Temperature.Fixed(0.5), eStep: EStep.Sampled, generator: generator);
        var expected = Gradients.Of(info.forward(a, b), a)[0];
        const int draws = 4000;
        var (mean, square) = (zeros_like(a), zeros_like(a));
        for (var i = 0; i < draws; i++)
        {
            using var step = NewDisposeScope();
            var gradient = Gradients.Of(gamma.forward(a, b), a)[0];
            mean.add_(gradient / draws);
            square.add_(gradient * gradient / draws);
        }
        var error = ((square - (mean * mean)) / draws).sqrt();
        ((mean - expected).abs() / error).max().item<double>().Should().BeLessThan(4.5, "standard errors from InfoNCE's gradient");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void U_follows_the_gamma_law_with_shape_k_and_rate_Z(int positives)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(11);
        const int draws = 4000;
        // Every anchor is the same point, and so is every candidate: all Z_i are equal, all draws independent.
        var a = ones(draws, 1, dtype: ScalarType.Float64);
        var b = ones(positives + 2, 1, dtype: ScalarType.Float64);
        var mask = arange(positives + 2).lt(positives).unsqueeze(0).expand(draws, -1);
        using var loss = new GammaContrastiveLoss(
            new BatchPartition(20), Temperature.Fixed(1.0), eStep: EStep.Sampled, generator: generator);
        var weights = loss.ExpectationStep(a, b, PairMap.FromMask(mask));
        var rate = Math.E * 20;
        weights.LogPartition.ShouldEqual(full_like(weights.LogPartition, Math.Log(rate)), 1e-12);

        var law = new Gamma(positives, rate);
        var u = (weights.LogWeights.exp() * positives).data<double>().ToArray().Order().ToArray();
        var distance = u.Select((value, i) =>
        {
            var probability = law.CumulativeDistribution(value);
            return Math.Max(Math.Abs(probability - ((double)i / draws)), Math.Abs(probability - ((i + 1.0) / draws)));
        }).Max();
        distance.Should().BeLessThan(1.95 / Math.Sqrt(draws), "the Kolmogorov-Smirnov distance at the 0.1 % level");
        u.Average().Should().BeApproximately(law.Mean, 5 * law.StdDev / Math.Sqrt(draws));
        loss.ExpectationStep(a, b, PairMap.FromMask(mask)).LogWeights.IsSameAs(weights.LogWeights)
            .Should().BeFalse("each step draws anew");
    }

    [Fact]
    public void The_posterior_mean_is_k_over_Z_and_draws_repeat_with_the_seed()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 5, 3), Draw.Normal(2, 5, 3));
        using var mean = new GammaContrastiveLoss(new BatchPartition(9));
        var weights = mean.ExpectationStep(a, b, PairMap.Diagonal(5));
        weights.LogWeights.ShouldEqual(-weights.LogPartition, 0);
        weights.LogNegativeScale.ShouldEqual(full_like(weights.LogWeights, Math.Log(8.0 / 4)), 1e-15);

        Sample(3).ShouldEqual(Sample(3), 0);
        Sample(3).IsSameAs(Sample(4)).Should().BeFalse();

        Tensor Sample(ulong seed)
        {
            using var generator = new Generator(seed);
            using var loss = new GammaContrastiveLoss(new BatchPartition(9), eStep: EStep.Sampled, generator: generator);
            return loss.forward(a, b);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(4, 2)]
    [InlineData(5, 5)]
    public void Exact_accumulation_blocks_add_up_to_the_whole_in_both_steps(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        const int n = 5;
        var labels = tensor(new long[] { 0, 1, 0, 2, 1 });
        var ids = tensor(new long[] { 0, 1, 2, 3, 3 });
        var maps = new[]
        {
            PairMap.Diagonal(n),
            PairMap.Diagonal(n).WithSampleIds(ids),
            PairMap.FromLabels(labels, labels.clone()).WithSampleIds(ids).WithLogitBias(Draw.Normal(4, n)),
        };
        foreach (var map in maps)
        {
            foreach (var sampling in Enum.GetValues<PositiveSampling>())
            {
                var (a, b) = (Draw.Leaf(1, n, 3), Draw.Leaf(2, n, 3));
                var temperature = Temperature.Learned(0.4, 0.1, 1);
                temperature.to(ScalarType.Float64);
                var logScale = temperature.parameters().Single();
                using var whole = new GammaContrastiveLoss(new BatchPartition(40), temperature, positiveSampling: sampling);
                var expectedWeights = whole.ExpectationStep(a, b, map);
                var expected = whole.MaximizationStep(a, b, map, expectedWeights);
                var expectedGradients = Gradients.Of(expected, a, b, logScale);

                using var pieces = new GammaContrastiveLoss(new BatchPartition(40), temperature, positiveSampling: sampling);
                var total = 0.0;
                for (var i = 0; i < n; i += rows)
                {
                    var m = Math.Min(rows, n - i);
                    var anchors = a.narrow(0, i, m);
                    PartitionSums? sums = null;
                    for (var j = 0; j < n; j += columns)
                    {
                        var width = Math.Min(columns, n - j);
                        var part = pieces.SumPartition(anchors, b.narrow(0, j, width), map.Block(i, m, j, width));
                        sums = sums is null ? part : sums.Merge(part);
                    }
                    var weights = pieces.ExpectationStep(sums!, anchors);
                    weights.LogWeights.ShouldEqual(expectedWeights.Rows(i, m).LogWeights, 1e-13);
                    for (var j = 0; j < n; j += columns)
                    {
                        var width = Math.Min(columns, n - j);
                        var block = pieces.MaximizationStep(anchors, b.narrow(0, j, width), map.Block(i, m, j, width), weights);
                        total += block.item<double>();
                        block.backward();
                    }
                }
                total.Should().BeApproximately(expected.item<double>(), 1e-12);
                a.grad!.ShouldEqual(expectedGradients[0], 1e-12);
                b.grad!.ShouldEqual(expectedGradients[1], 1e-12);
                logScale.grad!.ShouldEqual(expectedGradients[2], 1e-12);
            }
        }
    }

    [Theory]
    [InlineData(0.005, true)]
    [InlineData(0.1, true)]
    [InlineData(10, true)]
    [InlineData(0.005, false)]
    [InlineData(0.1, false)]
    [InlineData(10, false)]
    public void Finite_at_every_temperature_and_dtype_at_two_pairs_and_with_identical_rows(double tau, bool includeCurrentBatch)
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(1, 2) })
            StaysFinite(tau, includeCurrentBatch, tiling);
    }

    private static void StaysFinite(double tau, bool includeCurrentBatch, Tiling tiling)
    {
        foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var step in Enum.GetValues<EStep>())
            {
                using var scope = NewDisposeScope();
                using var generator = new Generator(1);
                var loss = new GammaContrastiveLoss(
                    new PartitionTable(1_000_000, includeCurrentBatch: includeCurrentBatch),
                    Temperature.Fixed(tau), ContrastMode.Symmetric, eStep: step, generator: generator)
                {
                    Tiling = tiling,
                };
                for (var visit = 0; visit < 5; visit++)
                {
                    // Features that jump: what was the nearest candidate last time may be the farthest now.
                    var a = (visit == 2 ? ones(2, 3) : Draw.Normal(visit, 2, 3)).to(dtype).detach().requires_grad_();
                    var b = (visit == 2 ? ones(2, 3) : Draw.Normal(-visit - 1, 2, 3)).to(dtype).detach().requires_grad_();
                    var result = loss.Evaluate(a, b, tensor(new long[] { 3, 999_999 }));
                    result.Loss.dtype.Should().Be(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);
                    result.Loss.ShouldBeFinite();
                    result.Objective.ShouldBeFinite();
                    foreach (var gradient in Gradients.Of(result.Loss, a, b))
                    {
                        gradient.dtype.Should().Be(dtype);
                        // A step of a factor e^60, which earlier visits alone may ask for, is more than float16 can hold.
                        if (includeCurrentBatch || dtype != ScalarType.Float16) gradient.ShouldBeFinite();
                    }
                }
            }
        }
    }

    [Fact]
    public void Rows_of_one_sample_are_one_sample()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        var ids = tensor(new long[] { 5, 2, 5, 0 });
        using var loss = new GammaContrastiveLoss(new PartitionTable(9, dtype: ScalarType.Float64), reduction: nn.Reduction.None);
        var result = loss.Evaluate(a, b, ids);

        var s = Reference.Similarities(a, b, 0.1, SimilarityMeasure.Cosine);
        double Z(int i) => Enumerable.Range(0, 4)
            .Where(j => j == i || ids[j].item<long>() != ids[i].item<long>())
            .Sum(j => Math.Exp(s[i, j].item<double>()) * (j == i ? 1 : 8.0 / (i is 0 or 2 ? 2 : 3)));
        var shared = (Z(0) + Z(2)) / 2;
        var table = (PartitionTable)loss.Estimator;
        table.LogPartition[5].item<double>().Should().BeApproximately(Math.Log(shared), 1e-12);
        table.Visits[5].item<long>().Should().Be(1, "both rows are one visit");
        result.Objective[0].item<double>().Should().BeApproximately(-s[0, 0].item<double>() + Math.Log(shared), 1e-12);
        result.Objective[2].item<double>().Should().BeApproximately(-s[2, 2].item<double>() + Math.Log(shared), 1e-12);
        Gradients.Of(result.Loss[0], b)[0][2].ShouldEqual(zeros(3, dtype: ScalarType.Float64), 0, "not a negative");
    }

    [Fact]
    public void Bad_input_changes_no_state()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        using var loss = new GammaContrastiveLoss(new PartitionTable(5), mode: ContrastMode.Symmetric);
        loss.forward(a, b, arange(3));
        var before = loss.state_dict().ToDictionary(x => x.Key, x => x.Value.clone());
        var broken = b.clone();
        broken[1, 1] = double.NaN;

        Refuses(() => loss.forward(a, broken, arange(3)), "candidates are not finite in row 1; nothing was changed");
        Refuses(() => loss.forward(broken, a, arange(3)), "anchors are not finite in row 1; nothing was changed");
        Refuses(() => loss.ExpectationStep(a, broken, PairMap.Diagonal(3), arange(3)), "the partition function of anchor 0 is NaN");
        Refuses(() => loss.forward(a, b), "sampleIds are missing");
        Refuses(() => loss.forward(a, b, arange(3, 6)), "sampleIds must lie in [0, 4] but reach from 3 to 5");
        Refuses(() => loss.forward(a, b, arange(-1, 2)), "sampleIds must lie in [0, 4] but reach from -1 to 1");
        Refuses(() => loss.forward(a, b, ones(3)), "sampleIds must be integers but are Float32");
        Refuses(() => loss.forward(a, b.narrow(1, 0, 3), arange(3)), "anchors have 4 features but candidates have 3");
        Refuses(() => loss.forward(a.narrow(0, 0, 1), b.narrow(0, 0, 1), arange(1)), "anchor 0 has no negative");
        Refuses(() => loss.forward(a, b, null, PairMap.FromMask(ones(3, 3, dtype: ScalarType.Bool))), "anchor 0 has no negative");
        Refuses(() => loss.ExpectationStep(a, b, PairMap.Diagonal(3), arange(4)), "sampleIds must have the shape (3) but have (4)");
        Refuses(() => loss.MaximizationStep(a, b, PairMap.Diagonal(3), GammaWeights.Create(zeros(2))), "weights are of 2 anchors but anchors have 3 rows");
        Refuses(() => new GammaContrastiveLoss(new BatchPartition()).ExpectationStep(a, b, PairMap.Diagonal(3), reverse: true), "reverse is true but the mode is OneDirection");
        Refuses(() => GammaWeights.Create(zeros(3), zeros(2)), "logNegativeScale must have the shape (3) of logWeights but has (2)");
        Refuses(() => GammaWeights.Create(zeros(3), positiveCount: zeros(3)), "positiveCount must be at least 1 but 0 is among them");
        Refuses(() => loss.forward(a, b, arange(3), PairMap.Diagonal(6).Block(3, 3, 3, 3)), "sampleIds of a block");
        Refuses(() => loss.forward(a, b, null, null, arange(3)), "candidateIds are given but sampleIds");
        Refuses(() => new GammaContrastiveLoss(new BatchPartition(), reverseEstimator: new BatchPartition()), "there is a reverse estimator but the mode is OneDirection, not Symmetric");
        Refuses(() => new GammaContrastiveLoss(new BatchPartition(), mode: (ContrastMode)9), "mode must be one of OneDirection, Symmetric, TwoViews but is 9");
        Refuses(() => new GammaContrastiveLoss(loss.Estimator, mode: ContrastMode.Symmetric, reverseEstimator: loss.Estimator), "an estimator of its own");
        Refuses(() => GammaWeights.Create(zeros(3, 1)), "logWeights must have the shape (m) but have (3, 1)");
        Refuses(() => GammaWeights.Create(zeros(3), positiveCount: ones(3, 1)), "positiveCount must have the shape (3) of logWeights but has (3, 1)");
        foreach (var (first, count) in new[] { (2L, 2L), (-1, 2), (1, 0) })
            Refuses(() => GammaWeights.Create(zeros(3)).Rows(first, count), $"anchors {first} to {first + count - 1} are not among the 3 anchors of these weights");
        using var sums = loss.SumPartition(a, b, PairMap.Diagonal(3));
        using var fewer = loss.SumPartition(a.narrow(0, 0, 2), b, PairMap.Diagonal(3).Block(0, 2, 0, 3));
        Refuses(() => loss.ExpectationStep(fewer, a, arange(3)), "sums have 2 anchors but anchors have 3 rows");
        Refuses(() => sums.Merge(fewer), "these sums have 3 anchors but other has 2");
        Refuses(() => sums.Merge(null!), "other");
        Refuses(() => new GammaContrastiveLoss(new BatchPartition(2)).forward(
            a, Draw.Normal(1, 4, 4), null, PairMap.FromMask(tensor(new[] { true, true, true, false }).unsqueeze(0).expand(3, 4))),
            "population is 2 candidates but an anchor has 3 positives in the batch alone");

        foreach (var (name, value) in loss.state_dict()) value.IsSameAs(before[name]).Should().BeTrue(name);
    }

    [Fact]
    public void Features_so_large_that_their_sum_overflows_are_finite_features_still()
    {
        using var scope = NewDisposeScope();
        var (a, b) = ((Draw.Normal(1, 3, 4).abs() * 1e38).to(ScalarType.Float32), (Draw.Normal(2, 3, 4) * 1e-37).to(ScalarType.Float32));
        a.sum().isinf().item<bool>().Should().BeTrue();
        Tensor Value(ScalarType dtype)
        {
            var loss = new GammaContrastiveLoss(new PartitionTable(5), Temperature.Fixed(1), similarity: SimilarityMeasure.DotProduct);
            return loss.forward(a.to(dtype), b.to(dtype), arange(3));
        }
        Value(ScalarType.Float32).ShouldEqual(Value(ScalarType.Float64), 1e-5);
    }

    [Fact]
    public void Skipped_anchors_are_counted_and_do_not_reach_the_table()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 4), Draw.Leaf(2, 3, 4));
        var mask = zeros(3, 3, dtype: ScalarType.Bool);
        mask[1] = ones(3, dtype: ScalarType.Bool);
        using var loss = new GammaContrastiveLoss(new PartitionTable(5), missingPairs: MissingPairs.Skip);
        var result = loss.Evaluate(a, b, arange(3), PairMap.Diagonal(3).Exclude(mask));
        result.SkippedAnchors.Should().Be(1);
        ((PartitionTable)loss.Estimator).Visits.data<long>().Should().Equal(1, 0, 1, 0, 0);
        var gradient = Gradients.Of(result.Loss, a)[0];
        gradient.ShouldBeFinite();
        gradient[1].ShouldEqual(zeros(4, dtype: ScalarType.Float64), 0);

        var none = loss.Evaluate(a, b, arange(3), PairMap.Diagonal(3).Exclude(ones(3, 3, dtype: ScalarType.Bool)));
        none.SkippedAnchors.Should().Be(3);
        none.Loss.item<double>().Should().Be(0);
        Gradients.Of(none.Loss, a)[0].ShouldEqual(zeros_like(a), 0);
    }

    [Fact]
    public void A_set_compared_with_itself_has_the_full_gradient_when_its_population_is_said()
    {
        using var scope = NewDisposeScope();
        var z = Draw.Leaf(1, 6, 3);
        var map = PairMap.FromLabels(tensor(new long[] { 0, 1, 0, 1, 1, 0 }));
        using var info = new InfoNCELoss(Temperature.Fixed(0.4));
        foreach (var sampling in Enum.GetValues<PositiveSampling>())
        {
            using var gamma = new GammaContrastiveLoss(
                new PartitionTable(6, population: 5, dtype: ScalarType.Float64), Temperature.Fixed(0.4), positiveSampling: sampling);
            var result = gamma.Evaluate(z, z, arange(6), map);
            result.Objective.ShouldEqual(info.forward(z, z, null, map), 1e-12);
            Gradients.Of(result.Loss, z)[0].ShouldEqual(Gradients.Of(info.forward(z, z, null, map), z)[0], 1e-12);
        }

        var (first, second) = (Draw.Leaf(2, 4, 3), Draw.Leaf(3, 4, 3));
        using var ntXent = new InfoNCELoss(Temperature.Fixed(0.4), ContrastMode.TwoViews);
        using var two = new GammaContrastiveLoss(new BatchPartition(population: 7), Temperature.Fixed(0.4), ContrastMode.TwoViews);
        var views = two.Evaluate(first, second);
        views.Objective.ShouldEqual(ntXent.forward(first, second), 1e-12);
        var gradients = Gradients.Of(ntXent.forward(first, second), first, second);
        foreach (var (ours, theirs) in Gradients.Of(views.Loss, first, second).Zip(gradients)) ours.ShouldEqual(theirs, 1e-12);
    }

    [Fact]
    public void Two_views_are_their_rows_contrasted_with_themselves_one_estimate_a_sample()
        => (from n in Gen.Int[1, 6]
            from seed in Gen.Int[1, 100_000]
            from twins in Gen.Bool
            from sampled in Gen.Bool
            from reduction in Gen.Enum<nn.Reduction>()
            select (n, seed, twins, sampled, reduction)).Check(x =>
        {
            using var scope = NewDisposeScope();
            var (first, second) = (Draw.Leaf(x.seed, x.n, 3), Draw.Leaf(x.seed + 1, x.n, 3));
            var ids = arange(x.n, dtype: ScalarType.Int64);
            // Two rows of one sample, where there are as many.
            if (x.twins && x.n > 2) ids[1] = ids[0];
            foreach (var kind in new Func<PartitionEstimator>[]
            {
                () => new PartitionTable(7, population: 13, dtype: ScalarType.Float64),
                () => new PartitionQueue(5, 3, population: 13, dtype: ScalarType.Float64),
                () => new BatchPartition(13),
            })
            {
                using var ours = Make(kind(), ContrastMode.TwoViews);
                using var plain = Make(kind(), ContrastMode.OneDirection);
                for (var step = 0; step < 2; step++)
                {
                    var result = ours.Evaluate(first, second, ids);
                    var views = cat([first, second]);
                    var expected = plain.Evaluate(views, views, cat([ids, ids]), PairMap.TwoViews(x.n));
                    result.Loss.ShouldEqual(expected.Loss, 1e-12);
                    result.Objective.ShouldEqual(expected.Objective, 1e-12);
                    result.SkippedAnchors.Should().Be(expected.SkippedAnchors);
                    var gradients = Gradients.Of(expected.Loss.sum(), first, second);
                    foreach (var (mine, theirs) in Gradients.Of(result.Loss.sum(), first, second).Zip(gradients)) mine.ShouldEqual(theirs, 1e-12);
                    Saved.Of(ours).Should().Equal(Saved.Of(plain));
                }
                if (ours.Estimator is PartitionTable table) table.Visits.max().item<long>().Should().Be(x.n > 1 ? 2 : 0, "both rows are one visit");
            }

            GammaContrastiveLoss Make(PartitionEstimator estimator, ContrastMode mode) => new(
                estimator, Temperature.Fixed(0.4), mode, eStep: x.sampled ? EStep.Sampled : EStep.PosteriorMean,
                generator: new Generator((ulong)x.seed), missingPairs: MissingPairs.Skip, reduction: x.reduction);
        }, iterations: 30);

    [Fact]
    public void What_is_wrong_with_two_views_is_said_by_the_rows_that_were_given()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        using var loss = new GammaContrastiveLoss(new PartitionTable(3, population: 5), mode: ContrastMode.TwoViews);
        var before = Saved.Of(loss);
        var broken = second.clone();
        broken[1, 2] = double.NaN;
        Refuses(() => loss.Evaluate(first, broken, arange(3)), "candidates are not finite in row 1");
        Refuses(() => loss.Evaluate(broken, second, arange(3)), "anchors are not finite in row 1");
        Refuses(() => loss.Evaluate(first, second, arange(3), PairMap.Diagonal(3)),
            "the pair map has 3 anchors and 3 candidates but two views of 3 rows have 6 of each");
        Saved.Of(loss).Should().Equal(before);
    }

    [Fact]
    public void Candidates_may_be_other_rows_than_anchors_with_ids_and_an_estimator_of_their_own()
    {
        using var scope = NewDisposeScope();
        // Two pictures with two captions each.
        var (pictures, captions) = (Draw.Leaf(1, 2, 3), Draw.Leaf(2, 4, 3));
        var map = PairMap.FromLabels(tensor(new long[] { 0, 1 }), tensor(new long[] { 0, 0, 1, 1 }));
        var (pictureIds, captionIds) = (tensor(new long[] { 5, 6 }), tensor(new long[] { 10, 11, 12, 13 }));
        using var loss = new GammaContrastiveLoss(
            new PartitionTable(8, population: 16), mode: ContrastMode.Symmetric, reverseEstimator: new PartitionTable(16, population: 8));
        loss.Evaluate(pictures, captions, pictureIds, map, captionIds).Loss.ShouldBeFinite();
        ((PartitionTable)loss.Estimator).Visits.data<long>().Should().Equal(0, 0, 0, 0, 0, 1, 1, 0);
        ((PartitionTable)loss.ReverseEstimator!).Visits.sum(ScalarType.Int64).item<long>().Should().Be(4);
        Refuses(() => loss.Evaluate(pictures, captions, pictureIds, map), "sampleIds are missing");
        ((PartitionTable)loss.Estimator).Visits.max().item<long>().Should().Be(1, "nothing has changed");

        using var queue = new GammaContrastiveLoss(new PartitionQueue(8, 3));
        queue.Evaluate(pictures, captions, pictureIds, map).Loss.ShouldBeFinite();
        queue.Evaluate(pictures, captions, pictureIds, map, captionIds).Loss.ShouldBeFinite();
        queue.Estimator.state_dict()["sample_ids"].data<long>().Should().Equal(-1, -1, -1, -1, 10, 11, 12, 13);
    }

    [Fact]
    public void In_evaluation_mode_no_state_changes()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        using var loss = new GammaContrastiveLoss(new PartitionQueue(8, 4), mode: ContrastMode.Symmetric);
        using var table = new GammaContrastiveLoss(new PartitionTable(3));
        loss.eval();
        table.eval();
        loss.forward(a, b, arange(3));
        table.forward(a, b, arange(3));
        ((PartitionQueue)loss.Estimator).Count.Should().Be(0);
        ((PartitionTable)table.Estimator).Visits.max().item<long>().Should().Be(0);
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var a = Draw.Leaf(1, 4, 3);
        using var b = Draw.Leaf(2, 4, 3);
        using var part = Draw.Normal(3, 3, 3);
        using var ids = tensor(new long[] { 0, 1, 1, 2 });
        using var generator = new Generator(1);
        var map = PairMap.Diagonal(4);
        var estimators = new Func<PartitionEstimator>[]
        {
            () => new PartitionTable(9, StepSizeSchedule.Cosine(0.5, 0.1, 5)), () => new PartitionQueue(6, 3), () => new BatchPartition(),
        };
        foreach (var (estimator, tiling) in estimators.SelectMany(e => new[] { (e, AnyTiling.Whole), (e, AnyTiling.Tiles(2, 2)) }))
        {
            using var loss = new GammaContrastiveLoss(
                estimator(), Temperature.Learned(), ContrastMode.Symmetric, eStep: EStep.Sampled, generator: generator)
            {
                Tiling = tiling,
            };
            TensorCount.ShouldStay(() =>
            {
                using var result = loss.Evaluate(a, b, ids);
                result.Loss.backward();
                using var value = loss.forward(a, b, ids);
                using var sums = loss.SumPartition(a, b, map);
                using var more = loss.SumPartition(a, b, map);
                using var merged = sums.Merge(more);
                using var weights = loss.ExpectationStep(merged, a, ids, reverse: true);
                using var rows = weights.Rows(1, 2);
                using var block = loss.MaximizationStep(a, b, map, weights);
                block.backward();
                FluentActions.Invoking(() => loss.forward(a, part, ids)).Should().Throw<ArgumentException>();
            });
        }
    }

    private static IEnumerable<long[]> Subsets(int count, int size)
    {
        for (var bits = 0; bits < 1 << count; bits++)
        {
            var members = Enumerable.Range(0, count).Where(i => (bits >> i & 1) == 1).Select(i => (long)i).ToArray();
            if (members.Length == size) yield return members;
        }
    }
}
