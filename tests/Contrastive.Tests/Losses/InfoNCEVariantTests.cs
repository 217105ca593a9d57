using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>
/// InfoNCE's variants, and weights of anchors, against their formulas, in every combination and tiles of any size: values and the
/// gradients of every input.
/// </summary>
public class InfoNCEVariantTests
{
    private const double Tolerance = 1e-9;

    private sealed record Settings(
        SimilarityMeasure Measure, PositiveSum Sum, bool Decoupled, double Beta, double Prior, bool Hard, bool Weighted, double Temperature,
        int Seed, int Width, nn.Reduction Reduction, Tiling Tiling)
    {
        public HardNegatives? HardNegatives => Hard ? new HardNegatives(Beta, Prior) : null;

        public InfoNCELoss Loss(ContrastMode mode, double? sigma = null, double smoothing = 0)
        {
            var loss = new InfoNCELoss(
                Contrastive.Temperature.Learned(Temperature, 1e-3, 1e3), mode, Measure, Sum, MissingPairs.Skip, Reduction, Decoupled, sigma, HardNegatives,
                smoothing)
            {
                Tiling = Tiling,
            };
            loss.to(ScalarType.Float64);
            return loss;
        }

        /// <summary>Some of them 0.</summary>
        public Tensor Weights(int seed, int count)
            => Weighted ? Draw.Normal(Seed + seed, count).abs() * Draw.Mask(Seed + seed + 1, 0.8, count).to(ScalarType.Float64) : ones(count, dtype: ScalarType.Float64);
    }

    private static readonly Gen<Settings> Any =
        from measure in Gen.Enum<SimilarityMeasure>()
        from sum in Gen.Enum<PositiveSum>()
        from decoupled in Gen.Bool
        from hard in Gen.Bool
        from beta in Gen.OneOf(0.0, 0.5, 1, 2)
        from prior in Gen.OneOf(0.0, 0.1, 0.5)
        from weighted in Gen.Bool
        from temperature in Gen.Double[0.3, 3]
        from seed in Gen.Int[0, 1_000_000]
        from width in Gen.Int[2, 5]     // of one feature all cosines are ±1, and sums on their lower bound have no derivative
        from reduction in Gen.Enum<nn.Reduction>()
        from tiling in AnyTiling.Gen
        select new Settings(
            measure, sum, decoupled, hard ? beta : 0, hard && measure == SimilarityMeasure.Cosine ? prior : 0, hard, weighted, temperature, seed, width,
            reduction, tiling);

    [Fact]
    public void One_direction()
        => (from make in PairCase.Any from settings in Any select (make, settings)).Check(
            x =>
            {
                var (pairs, c) = (x.make(), x.settings);
                var (a, b) = (Draw.Leaf(c.Seed, pairs.Anchors, c.Width), Draw.Leaf(c.Seed + 1, pairs.Candidates, c.Width));
                using var loss = c.Loss(ContrastMode.OneDirection);
                var logScale = loss.Temperature.parameters().Single();
                var weights = c.Weights(9, pairs.Anchors);
                var map = c.Weighted ? pairs.Map.WithWeights(weights) : pairs.Map;
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, map), () => Direction(c, a, b, logScale, pairs, weights), Tolerance, a, b, logScale);
                loss.Evaluate(a, b, null, map).SkippedAnchors
                    .Should().Be(pairs.EachAnchor(i => Reference.IsComplete(pairs, i, c.Sum, c.Decoupled)).Count(counts => !counts));
            },
            150);

    [Fact]
    public void Symmetric()
        => (from make in PairCase.Square from settings in Any select (make, settings)).Check(
            x =>
            {
                var (pairs, c) = (x.make(), x.settings);
                var (a, b) = (Draw.Leaf(c.Seed, pairs.Anchors, c.Width), Draw.Leaf(c.Seed + 1, pairs.Candidates, c.Width));
                using var loss = c.Loss(ContrastMode.Symmetric);
                var logScale = loss.Temperature.parameters().Single();
                var (weights, others) = (c.Weights(9, pairs.Anchors), c.Weights(19, pairs.Candidates));
                var same = c.Seed % 2 == 0;
                var map = c.Weighted ? pairs.Map.WithWeights(weights, same ? null : others) : pairs.Map;
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, map),
                    () => 0.5 * (Direction(c, a, b, logScale, pairs, weights) + Direction(c, b, a, logScale, pairs.Transpose(), same ? weights : others)),
                    Tolerance, a, b, logScale);
            },
            150);

    /// <summary>Half of the matrix is the other half, where the pairs are.</summary>
    [Fact]
    public void A_set_with_itself()
        => (from make in PairCase.Square
            from smoothing in Gen.OneOf(0.0, 0.2)
            from symmetric in Gen.Bool
            from settings in Any
            select (make, smoothing, symmetric, settings)).Check(
            x =>
            {
                var (pairs, c) = (x.make(), x.smoothing == 0 ? x.settings : x.settings with { Sum = PositiveSum.OutsideLog, Decoupled = false, Hard = false, Beta = 0, Prior = 0 });
                var a = Draw.Leaf(c.Seed, pairs.Anchors, c.Width);
                var (left, right) = (a.detach().clone().requires_grad_(), a.detach().clone().requires_grad_());
                using var loss = c.Loss(x.symmetric ? ContrastMode.Symmetric : ContrastMode.OneDirection, smoothing: x.smoothing);
                using var sigmoid = new SigmoidContrastiveLoss(Temperature.Fixed(c.Temperature), -1, false, loss.Mode, c.Measure, c.Reduction) { Tiling = c.Tiling };
                var (weights, others) = (c.Weights(9, pairs.Anchors), c.Weights(19, pairs.Anchors));
                var map = c.Weighted ? pairs.Map.WithWeights(weights, others) : pairs.Map;
                foreach (var each in new ContrastiveLoss[] { loss, sigmoid })
                {
                    var (value, apart) = (each.forward(a, a, null, map), each.forward(left, right, null, map));
                    value.ShouldEqual(apart, Tolerance);
                    var found = Gradients.Of(value.sum(), a)[0];
                    var expected = Gradients.Of(apart.sum(), left, right);
                    found.ShouldEqual(expected[0] + expected[1], Tolerance);
                }
            },
            200);

    [Fact]
    public void Explicit_negatives()
        => (from n in Gen.Int[1, 5]
            from m in Gen.Int[1, 5]
            from own in Gen.Bool
            from exclude in Gen.Bool
            from fisher in Gen.Bool
            from settings in Any
            select (n, m, own, exclude, fisher, settings)).Check(
            x =>
            {
                var c = x.settings;
                double? sigma = x.fisher && c.Decoupled ? 0.7 : null;
                var (a, p) = (Draw.Leaf(c.Seed, x.n, c.Width), Draw.Leaf(c.Seed + 1, x.n, c.Width));
                var negatives = x.own ? Draw.Leaf(c.Seed + 2, x.n, x.m, c.Width) : Draw.Leaf(c.Seed + 2, x.m, c.Width);
                var mask = Draw.Mask(c.Seed + 3, x.exclude ? 0.3 : 0, x.n, x.m);
                var weights = c.Weights(9, x.n);
                var map = PairMap.Negatives(x.n, x.m).Exclude(mask);
                if (c.Weighted) map = map.WithWeights(weights);
                using var loss = c.Loss(ContrastMode.OneDirection, sigma);
                var logScale = loss.Temperature.parameters().Single();
                Gradients.ShouldAgree(() => loss.EvaluateNegatives(a, p, negatives, map).Loss, Expected, Tolerance, a, p, negatives, logScale);

                // Each anchor with its positive in front, and its negatives.
                Tensor Expected()
                {
                    var temperature = logScale.neg().exp();
                    var (values, counts, similarities) = (new List<Tensor>(), new bool[x.n], new List<Tensor>());
                    var hidden = new bool[x.n, x.m];
                    for (var i = 0; i < x.n; i++)
                        for (var j = 0; j < x.m; j++)
                            hidden[i, j] = mask[i, j].item<bool>();
                    for (var i = 0; i < x.n; i++)
                    {
                        var kinds = new PairKind[1, x.m + 1];
                        for (var j = 0; j < x.m; j++) kinds[0, j + 1] = hidden[i, j] ? PairKind.Excluded : PairKind.Negative;
                        var pairs = new PairCase("explicit", PairMap.Negatives(1, x.m + 1), kinds, new double[1, x.m + 1]);
                        var candidates = cat([p[i].unsqueeze(0), x.own ? negatives[i] : negatives]);
                        var s = Reference.Similarities(a[i].unsqueeze(0), candidates, temperature, c.Measure);
                        counts[i] = pairs.IsComplete(0);
                        values.Add(Reference.Variant(s, pairs, c.Sum, c.Decoupled, c.Beta, c.Prior, temperature)[0]);
                        similarities.Add(s[0, 0]);
                    }
                    var each = stack(values);
                    if (sigma is not null && counts.Contains(true)) each = each + WeightedExcess(stack(similarities), temperature, counts, sigma.Value);
                    return Reference.Reduce(each, weights, counts, c.Reduction) + ((a.sum() + p.sum() + negatives.sum() + logScale) * 0);
                }
            },
            150);

    [Fact]
    public void Weighted_positives()
        => (from n in Gen.Int[1, 6]
            from mode in Gen.Enum<ContrastMode>()
            from sigma in Gen.OneOf(0.2, 0.5, 3)
            from exclude in Gen.Bool
            from settings in Any
            select (n, mode, sigma, exclude, settings)).Check(
            x =>
            {
                var c = x.settings with { Decoupled = true };
                var (a, b) = (Draw.Leaf(c.Seed, x.n, c.Width), Draw.Leaf(c.Seed + 1, x.n, c.Width));
                var pairs = PairCase.Create(x.mode == ContrastMode.TwoViews ? 1 : 0, x.mode == ContrastMode.TwoViews ? 2 * x.n : x.n, 0, c.Seed, x.exclude, x.exclude, 0);
                using var loss = c.Loss(x.mode, x.sigma);
                var logScale = loss.Temperature.parameters().Single();
                var weights = c.Weights(9, pairs.Anchors);
                var map = c.Weighted ? pairs.Map.WithWeights(weights) : pairs.Map;
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, map),
                    () => x.mode switch
                    {
                        ContrastMode.OneDirection => Of(a, b, pairs),
                        ContrastMode.Symmetric => 0.5 * (Of(a, b, pairs) + Of(b, a, pairs.Transpose())),
                        _ => Of(cat([a, b]), cat([a, b]), pairs),
                    },
                    Tolerance, a, b, logScale);

                Tensor Of(Tensor left, Tensor right, PairCase oriented)
                {
                    var temperature = logScale.neg().exp();
                    var s = Reference.Similarities(left, right, temperature, c.Measure);
                    var counts = oriented.EachAnchor(oriented.IsComplete);
                    var each = Reference.Variant(s, oriented, c.Sum, true, c.Beta, c.Prior, temperature);
                    if (counts.Contains(true))
                    {
                        var positives = oriented.EachAnchor(i => oriented.Row(i).ToList().IndexOf(PairKind.Positive));
                        var similarities = stack([.. positives.Select((j, i) => s[i, Math.Max(j, 0)])]);
                        each = each + WeightedExcess(similarities, temperature, counts, x.sigma);
                    }
                    return Reference.Reduce(each, weights, counts, c.Reduction);
                }
            },
            150);

    /// <summary>Targets of a teacher, given for one direction or both, with exclusions, sample ids and smoothing.</summary>
    [Fact]
    public void Soft_targets()
        => (from n in Gen.Int[1, 6]
            from m in Gen.Int[1, 6]
            from mode in Gen.Enum<ContrastMode>()
            from both in Gen.Bool
            from exclude in Gen.Bool
            from ids in Gen.Bool
            from smoothing in Gen.OneOf(0.0, 0.2)
            from settings in Any
            select (n, m, mode, both, exclude, ids, smoothing, settings)).Check(
            x =>
            {
                var c = x.settings with { Sum = PositiveSum.OutsideLog, Decoupled = false, Hard = false, Beta = 0, Prior = 0 };
                var (n, m) = x.mode == ContrastMode.TwoViews ? (2 * x.n, 2 * x.n) : (x.n, c.Reduction == nn.Reduction.None && x.mode == ContrastMode.Symmetric ? x.n : x.m);
                var (a, b) = (Draw.Leaf(c.Seed, x.n, c.Width), Draw.Leaf(c.Seed + 1, x.mode == ContrastMode.TwoViews ? x.n : m, c.Width));
                var (targets, others) = (Targets(c.Seed + 2, n, m), Targets(c.Seed + 4, m, n));
                var map = PairMap.FromTargets(targets, x.both ? others : null);
                var allowed = ones(n, m, dtype: ScalarType.Bool);
                if (x.exclude)
                {
                    var mask = Draw.Mask(c.Seed + 6, 0.2, n, m);
                    map = map.Exclude(mask);
                    allowed = allowed.logical_and(mask.logical_not());
                }
                if (x.ids)
                {
                    var (left, right) = (Draw.Integers(c.Seed + 7, 3, n), Draw.Integers(c.Seed + 8, 3, m));
                    map = map.WithSampleIds(left, right);
                    var positive = targets.gt(0);
                    if (x.both) positive = positive.logical_or(others.t().gt(0));
                    allowed = allowed.logical_and(left.unsqueeze(1).eq(right.unsqueeze(0)).logical_and(positive.logical_not()).logical_not());
                }
                var (weights, otherWeights) = (c.Weights(9, n), c.Weights(19, m));
                if (c.Weighted) map = map.WithWeights(weights, otherWeights);
                using var loss = c.Loss(x.mode, smoothing: x.smoothing);
                var logScale = loss.Temperature.parameters().Single();
                var reverse = x.both ? others : Normalized((targets * allowed.to(ScalarType.Float64)).t());
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, map),
                    () => x.mode switch
                    {
                        ContrastMode.OneDirection => Of(a, b, targets, allowed, weights),
                        ContrastMode.Symmetric => 0.5 * (Of(a, b, targets, allowed, weights) + Of(b, a, reverse, allowed.t(), otherWeights)),
                        _ => Of(cat([a, b]), cat([a, b]), targets, allowed, weights),
                    },
                    Tolerance, a, b, logScale);

                Tensor Of(Tensor left, Tensor right, Tensor given, Tensor counted, Tensor each)
                {
                    var s = Reference.Similarities(left, right, logScale.neg().exp(), c.Measure);
                    var values = new List<Tensor>();
                    var complete = new bool[s.shape[0]];
                    for (var i = 0; i < complete.Length; i++)
                    {
                        var columns = counted[i].nonzero().squeeze(1);
                        var (row, t) = (s[i].index_select(0, columns), given[i].index_select(0, columns));
                        complete[i] = columns.shape[0] > 1 && t.sum().item<double>() > 0;
                        if (!complete[i])
                        {
                            values.Add(s[i].sum() * 0);
                            continue;
                        }
                        var smooth = ((1 - x.smoothing) * t) + (x.smoothing / columns.shape[0]);
                        values.Add(-(smooth * (row - row.exp().sum().log())).sum());
                    }
                    return Reference.Reduce(stack(values), each, complete, c.Reduction) + ((a.sum() + b.sum() + logScale) * 0);
                }
            },
            200);

    [Fact]
    public void Label_smoothing_of_any_positives()
        => (from make in PairCase.Square
            from symmetric in Gen.Bool
            from settings in Any
            select (make, symmetric, settings)).Check(
            x =>
            {
                var c = x.settings with { Sum = PositiveSum.OutsideLog, Decoupled = false, Hard = false, Beta = 0, Prior = 0 };
                var pairs = x.make();
                var (a, b) = (Draw.Leaf(c.Seed, pairs.Anchors, c.Width), Draw.Leaf(c.Seed + 1, pairs.Candidates, c.Width));
                using var loss = c.Loss(x.symmetric ? ContrastMode.Symmetric : ContrastMode.OneDirection, smoothing: 0.3);
                var logScale = loss.Temperature.parameters().Single();
                var weights = c.Weights(9, pairs.Anchors);
                var map = c.Weighted ? pairs.Map.WithWeights(weights) : pairs.Map;
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, map),
                    () => x.symmetric ? 0.5 * (Of(a, b, pairs) + Of(b, a, pairs.Transpose())) : Of(a, b, pairs),
                    Tolerance, a, b, logScale);

                Tensor Of(Tensor left, Tensor right, PairCase oriented)
                {
                    var s = Reference.Similarities(left, right, logScale.neg().exp(), c.Measure, oriented.Bias);
                    var values = new List<Tensor>();
                    var complete = oriented.EachAnchor(i => oriented.Positives(i) > 0 && oriented.Row(i).Count(kind => kind != PairKind.Excluded) > 1);
                    for (var i = 0; i < oriented.Anchors; i++)
                    {
                        if (!complete[i])
                        {
                            values.Add(s[i].sum() * 0);
                            continue;
                        }
                        var columns = Enumerable.Range(0, oriented.Candidates).Where(j => oriented.Kinds[i, j] != PairKind.Excluded).ToArray();
                        var row = s[i].index_select(0, tensor(columns.Select(j => (long)j).ToArray()));
                        var t = columns.Select(j => (oriented.Kinds[i, j] == PairKind.Positive ? 0.7 / oriented.Positives(i) : 0) + (0.3 / columns.Length));
                        values.Add(-(tensor(t.ToArray()) * (row - row.exp().sum().log())).sum());
                    }
                    return Reference.Reduce(stack(values), weights, complete, c.Reduction) + ((a.sum() + b.sum() + logScale) * 0);
                }
            },
            150);

    /// <summary>Rows that add up to 1, with zeros among them.</summary>
    private static Tensor Targets(int seed, int rows, int columns)
        => Normalized((Draw.Normal(seed, rows, columns).exp() * Draw.Mask(seed + 1, 0.6, rows, columns).to(ScalarType.Float64)) + (eye(rows, columns, dtype: ScalarType.Float64) * 0.1)
            + (full(rows, columns, 0.1, dtype: ScalarType.Float64) * arange(rows).ge(columns).to(ScalarType.Float64).unsqueeze(1)));

    private static Tensor Normalized(Tensor rows) => rows / rows.sum(1L, keepdim: true).clamp_min(1e-300);

    /// <summary>(1 - w_i) s_ip, w_i = 2 - exp(⟨a_i, b_p⟩ / σ) / mean exp(⟨a_k, b_p⟩ / σ): the mean is over the anchors that count.</summary>
    private static Tensor WeightedExcess(Tensor s, Tensor temperature, bool[] counts, double sigma)
    {
        var counted = tensor(counts).to(ScalarType.Float64);
        var exponentials = (s * temperature / sigma).exp() * counted;
        var weights = 2 - (exponentials / (exponentials.sum() / counts.Count(count => count)));
        return (1 - weights) * s * counted;
    }

    private static Tensor Direction(Settings c, Tensor a, Tensor b, Tensor logScale, PairCase pairs, Tensor weights)
    {
        var temperature = logScale.neg().exp();
        var s = Reference.Similarities(a, b, temperature, c.Measure, pairs.Bias);
        var each = Reference.Variant(s, pairs, c.Sum, c.Decoupled, c.Beta, c.Prior, temperature);
        return Reference.Reduce(each, weights, pairs.EachAnchor(i => Reference.IsComplete(pairs, i, c.Sum, c.Decoupled)), c.Reduction)
            + ((a.sum() + b.sum() + logScale) * 0);
    }
}
