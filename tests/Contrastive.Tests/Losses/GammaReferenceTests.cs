using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>The gamma-augmented loss against the formula, over random shapes, maps and options.</summary>
public class GammaReferenceTests
{
    // Terms up to e^13 cancel in the gradient of a cosine, which is orthogonal to the feature.
    private const double Tolerance = 1e-9;

    private static readonly Gen<(SimilarityMeasure Measure, PositiveSampling Sampling, double Temperature, int Seed, int Width, long? Population, Tiling Tiling)> Options =
        from measure in Gen.Enum<SimilarityMeasure>()
        from sampling in Gen.Enum<PositiveSampling>()
        from temperature in Gen.Double[0.1, 3]
        from seed in Gen.Int[0, 1_000_000]
        from width in Gen.Int[1, 5]
        from population in Gen.Int[0, 1]
        from tiling in AnyTiling.Gen
        select (measure, sampling, temperature, seed, width, population == 0 ? (long?)null : 50, tiling);

    [Fact]
    public void The_M_step_with_any_weights()
        => (from make in PairCase.Any from options in Options select (make, options)).Check(x =>
        {
            var pairs = x.make();
            var (measure, sampling, tau, seed, width, _, tiling) = x.options;
            var a = Draw.Leaf(seed, pairs.Anchors, width);
            var b = Draw.Leaf(seed + 1, pairs.Candidates, width);
            var (logWeights, logScale) = (Draw.Normal(seed + 2, pairs.Anchors), Draw.Normal(seed + 3, pairs.Anchors));
            var counts = tensor(pairs.EachAnchor(i => (double)Math.Max(1, pairs.Positives(i))));
            using var loss = new GammaContrastiveLoss(
                new BatchPartition(), Temperature.Fixed(tau), similarity: measure, positiveSampling: sampling)
            {
                Tiling = tiling,
            };
            var weights = GammaWeights.Create(logWeights, logScale, counts);

            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                Gradients.ShouldAgree(
                    () => loss.MaximizationStep(a, b, pairs.Map, weights, reduction),
                    () =>
                    {
                        var s = Reference.Similarities(a, b, tau, measure, pairs.Bias);
                        var each = Reference.Augmented(
                            s, pairs, logWeights.data<double>().ToArray(), logScale.data<double>().ToArray(), sampling);
                        return reduction switch
                        {
                            nn.Reduction.None => each,
                            nn.Reduction.Sum => each.sum(),
                            _ => each.mean(),
                        };
                    },
                    Tolerance, a, b);
            }
        });

    [Fact]
    public void Both_steps_one_direction_and_symmetric()
        => (from make in PairCase.Square from options in Options from symmetric in Gen.Bool select (make, options, symmetric)).Check(x =>
        {
            var pairs = x.make();
            var (measure, sampling, tau, seed, width, population, tiling) = x.options;
            var a = Draw.Leaf(seed, pairs.Anchors, width);
            var b = Draw.Leaf(seed + 1, pairs.Candidates, width);
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var loss = new GammaContrastiveLoss(
                    new BatchPartition(population), Temperature.Fixed(tau), x.symmetric ? ContrastMode.Symmetric : ContrastMode.OneDirection, measure,
                    positiveSampling: sampling, missingPairs: MissingPairs.Skip, reduction: reduction)
                {
                    Tiling = tiling,
                };
                var expected = Direction(a, b, pairs);
                if (x.symmetric)
                {
                    var back = Direction(b, a, pairs.Transpose());
                    expected = ((expected.Loss + back.Loss) / 2, (expected.Objective + back.Objective) / 2, expected.Skipped + back.Skipped);
                }
                Gradients.ShouldAgree(() => loss.forward(a, b, null, pairs.Map), () => expected.Loss, Tolerance, a, b);
                var result = loss.Evaluate(a, b, null, pairs.Map);
                result.Objective.ShouldEqual(expected.Objective, Tolerance);
                result.Objective.requires_grad.Should().BeFalse();
                result.SkippedAnchors.Should().Be(expected.Skipped);

                (Tensor Loss, Tensor Objective, long Skipped) Direction(Tensor anchors, Tensor candidates, PairCase map)
                {
                    var s = Reference.Similarities(anchors, candidates, tau, measure, map.Bias);
                    var (values, complete) = (Reference.Values(s), map.EachAnchor(i => map.IsComplete(i, sampling)));
                    var estimates = map.EachAnchor(i => complete[i] ? Reference.Partition(values, map, i, population, sampling) : (LogEstimate: 0, LogScale: 0));
                    var missing = tensor(complete).logical_not();
                    var each = Reference.Augmented(
                        s, map, [.. estimates.Select(e => -e.LogEstimate)], [.. estimates.Select(e => e.LogScale)], sampling)
                        .masked_fill(missing, 0);
                    var objectives = tensor(map.EachAnchor(i => complete[i]
                        ? estimates[i].LogEstimate - Enumerable.Range(0, map.Candidates)
                            .Where(j => map.Kinds[i, j] == PairKind.Positive).Average(j => values[i, j])
                        : 0));
                    var count = Math.Max(1, complete.Count(x => x));
                    return (Reduce(each), Reduce(objectives), complete.Count(x => !x));

                    Tensor Reduce(Tensor perAnchor) => reduction switch
                    {
                        nn.Reduction.None => perAnchor,
                        nn.Reduction.Sum => perAnchor.sum(),
                        _ => perAnchor.sum() / count,
                    };
                }
            }
        });

    [Fact]
    public void Finite_differences_agree_for_every_input()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        using var loss = new GammaContrastiveLoss(new BatchPartition(100), Temperature.Fixed(0.5));
        foreach (var map in new[] { PairMap.Diagonal(4), PairMap.FromLabels(tensor(new long[] { 0, 1, 0, 1 })) })
        {
            var weights = loss.ExpectationStep(a, b, map);
            Gradients.ShouldMatchFiniteDifferences(() => loss.MaximizationStep(a, b, map, weights), a, b);
        }
    }
}
