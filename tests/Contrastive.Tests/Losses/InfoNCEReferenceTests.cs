using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>InfoNCE against the formula, over random shapes, maps and options: values and the gradients of every input.</summary>
public class InfoNCEReferenceTests
{
    private const double Tolerance = 1e-10;

    private static readonly Gen<(SimilarityMeasure Measure, PositiveSum Sum, double Temperature, int Seed, int Width, Tiling Tiling)> Options =
        from measure in Gen.Enum<SimilarityMeasure>()
        from sum in Gen.Enum<PositiveSum>()
        from temperature in Gen.Double[0.05, 3]
        from seed in Gen.Int[0, 1_000_000]
        from width in Gen.Int[1, 5]
        from tiling in AnyTiling.Gen
        select (measure, sum, temperature, seed, width, tiling);

    [Fact]
    public void One_direction()
        => (from make in PairCase.Any from options in Options select (make, options)).Check(x =>
        {
            var pairs = x.make();
            var (measure, sum, tau, seed, width, tiling) = x.options;
            var a = Draw.Leaf(seed, pairs.Anchors, width);
            var b = Draw.Leaf(seed + 1, pairs.Candidates, width);
            Tensor Expected() => Reference.InfoNCE(Reference.Similarities(a, b, tau, measure, pairs.Bias), pairs, sum);

            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var loss = new InfoNCELoss(
                    Temperature.Fixed(tau), ContrastMode.OneDirection, measure, sum, MissingPairs.Skip, reduction)
                {
                    Tiling = tiling,
                };
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, pairs.Map), () => Reduce(Expected(), pairs, reduction), Tolerance, a, b);
            }
            using var reporting = new InfoNCELoss(Temperature.Fixed(tau), missingPairs: MissingPairs.Skip);
            reporting.Evaluate(a, b, null, pairs.Map).SkippedAnchors
                .Should().Be(Enumerable.Range(0, pairs.Anchors).Count(i => !pairs.IsComplete(i)));
        });

    [Fact]
    public void Symmetric()
        => (from make in PairCase.Square from options in Options select (make, options)).Check(x =>
        {
            var pairs = x.make();
            var back = pairs.Transpose();
            var (measure, sum, tau, seed, width, tiling) = x.options;
            var a = Draw.Leaf(seed, pairs.Anchors, width);
            var b = Draw.Leaf(seed + 1, pairs.Candidates, width);

            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var loss = new InfoNCELoss(
                    Temperature.Fixed(tau), ContrastMode.Symmetric, measure, sum, MissingPairs.Skip, reduction)
                {
                    Tiling = tiling,
                };
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, pairs.Map),
                    () => 0.5 * (Reduce(Reference.InfoNCE(Reference.Similarities(a, b, tau, measure, pairs.Bias), pairs, sum), pairs, reduction)
                        + Reduce(Reference.InfoNCE(Reference.Similarities(b, a, tau, measure, back.Bias), back, sum), back, reduction)),
                    Tolerance, a, b);
            }
        });

    [Fact]
    public void Explicit_negatives_shared_and_of_each_anchors_own()
        => (from options in Options
            from n in Gen.Int[1, 5]
            from m in Gen.Int[1, 5]
            from own in Gen.Bool
            from exclude in Gen.Bool
            select (options, n, m, own, exclude)).Check(x =>
        {
            var (measure, sum, tau, seed, width, tiling) = x.options;
            var a = Draw.Leaf(seed, x.n, width);
            var p = Draw.Leaf(seed + 1, x.n, width);
            var negatives = x.own ? Draw.Leaf(seed + 2, x.n, x.m, width) : Draw.Leaf(seed + 2, x.m, width);
            var mask = Draw.Mask(seed + 3, x.exclude ? 0.3 : 0, x.n, x.m);
            var map = x.exclude ? PairMap.Negatives(x.n, x.m).Exclude(mask) : null;
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var loss = new InfoNCELoss(
                    Temperature.Fixed(tau), ContrastMode.OneDirection, measure, sum, MissingPairs.Skip, reduction)
                {
                    Tiling = tiling,
                };
                Gradients.ShouldAgree(
                    () => loss.EvaluateNegatives(a, p, negatives, map).Loss,
                    () => Reduce(Expected(), Enumerable.Range(0, x.n).Count(HasNegatives), reduction),
                    Tolerance, a, p, negatives);
            }

            bool HasNegatives(int anchor) => mask[anchor].logical_not().any().item<bool>();

            Tensor Expected()
            {
                var losses = new List<Tensor>();
                for (var i = 0; i < x.n; i++)
                {
                    var positive = Reference.Similarity(a[i], p[i], tau, measure);
                    var sumOfAll = positive.exp();
                    var count = 0;
                    for (var j = 0; j < x.m; j++)
                    {
                        if (mask[i, j].item<bool>()) continue;
                        count++;
                        sumOfAll = sumOfAll + Reference.Similarity(a[i], x.own ? negatives[i, j] : negatives[j], tau, measure).exp();
                    }
                    losses.Add((count > 0 ? -(positive.exp() / sumOfAll).log() : positive * 0) + (negatives.sum() * 0));
                }
                return stack(losses);
            }
        });

    [Fact]
    public void Finite_differences_agree_for_every_input()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        var n = Draw.Leaf(3, 4, 2, 3);
        var labels = tensor(new long[] { 0, 1, 0, 1 });
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.5), mode);
            Gradients.ShouldMatchFiniteDifferences(() => loss.forward(a, b), a, b);
        }
        foreach (var sum in Enum.GetValues<PositiveSum>())
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.5), ContrastMode.Symmetric, positiveSum: sum);
            Gradients.ShouldMatchFiniteDifferences(() => loss.forward(a, b, null, PairMap.FromLabels(labels, labels.clone())), a, b);
        }
        Gradients.ShouldMatchFiniteDifferences(() => nn.functional.info_nce(a, b, n), a, b, n);
    }

    private static Tensor Reduce(Tensor perAnchor, PairCase pairs, nn.Reduction reduction)
        => Reduce(perAnchor, Enumerable.Range(0, pairs.Anchors).Count(pairs.IsComplete), reduction);

    private static Tensor Reduce(Tensor perAnchor, int complete, nn.Reduction reduction) => reduction switch
    {
        nn.Reduction.None => perAnchor,
        nn.Reduction.Sum => perAnchor.sum(),
        _ => perAnchor.sum() / Math.Max(1, complete),
    };
}
