using CsCheck;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Tests.Losses;

/// <summary>The sigmoid loss against its formula: values and the gradients of every input, in tiles of any size.</summary>
public class SigmoidReferenceTests
{
    private const double Tolerance = 1e-10;

    private static readonly Gen<(SimilarityMeasure Measure, double Temperature, double Bias, int Seed, int Width, Tiling Tiling)> Options =
        from measure in Gen.Enum<SimilarityMeasure>()
        from temperature in Gen.Double[0.05, 3]
        from bias in Gen.Double[-12, 3]
        from seed in Gen.Int[0, 1_000_000]
        from width in Gen.Int[1, 5]
        from tiling in AnyTiling.Gen
        select (measure, temperature, bias, seed, width, tiling);

    [Fact]
    public void One_direction()
        => (from make in PairCase.Any from options in Options select (make, options)).Check(x =>
        {
            var pairs = x.make();
            var (measure, tau, start, seed, width, tiling) = x.options;
            var (a, b) = (Draw.Leaf(seed, pairs.Anchors, width), Draw.Leaf(seed + 1, pairs.Candidates, width));
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var loss = Loss(tau, start, ContrastMode.OneDirection, measure, reduction, tiling);
                var (logScale, bias) = Own(loss);
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, pairs.Map),
                    () => Reduce(Reference.Sigmoid(Similarities() + bias, pairs).sum(1L), reduction),
                    Tolerance, a, b, logScale, bias);
                loss.Evaluate(a, b, null, pairs.Map).SkippedAnchors.Should().Be(0);

                Tensor Similarities() => Reference.Similarities(a, b, logScale.neg().exp(), measure, pairs.Bias);
            }
        });

    [Fact]
    public void Symmetric()
        => (from make in PairCase.Any from options in Options select (make, options)).Check(x =>
        {
            var pairs = x.make();
            var (measure, tau, start, seed, width, tiling) = x.options;
            var (a, b) = (Draw.Leaf(seed, pairs.Anchors, width), Draw.Leaf(seed + 1, pairs.Candidates, width));
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                if (reduction == nn.Reduction.None && pairs.Anchors != pairs.Candidates) continue;
                using var loss = Loss(tau, start, ContrastMode.Symmetric, measure, reduction, tiling);
                var (logScale, bias) = Own(loss);
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, pairs.Map),
                    () =>
                    {
                        var terms = Reference.Sigmoid(Reference.Similarities(a, b, logScale.neg().exp(), measure, pairs.Bias) + bias, pairs);
                        return 0.5 * (Reduce(terms.sum(1L), reduction) + Reduce(terms.sum(0L, false, null), reduction));
                    },
                    Tolerance, a, b, logScale, bias);

                // The same sum from both sides.
                if (reduction == nn.Reduction.None || pairs.Anchors != pairs.Candidates) continue;
                using var one = Loss(tau, start, ContrastMode.OneDirection, measure, reduction, tiling);
                loss.forward(a, b, null, pairs.Map).ShouldEqual(one.forward(a, b, null, pairs.Map), 1e-12);
            }
        });

    [Fact]
    public void Two_views_and_sample_ids()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3), AnyTiling.Tiles(3, 2, budget: 0) })
        {
            using var scope = NewDisposeScope();
            var (a, b, ids) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3), tensor(new long[] { 3, 5, 3, 7 }));
            using var views = Loss(0.2, -2, ContrastMode.TwoViews, SimilarityMeasure.Cosine, nn.Reduction.Mean, tiling);
            Gradients.ShouldAgree(
                () => views.forward(a, b, ids),
                () =>
                {
                    var z = F.normalize(cat([a, b]), dim: 1);
                    var both = cat([ids, ids]);
                    var positive = arange(8).unsqueeze(1).sub(arange(8).unsqueeze(0)).abs().eq(4);
                    var s = (z.matmul(z.t()) / 0.2) - 2;
                    var same = both.unsqueeze(1).eq(both.unsqueeze(0)).logical_and(positive.logical_not());
                    return -F.logsigmoid(s.where(positive, -s)).masked_fill(same, 0).sum() / 8;
                },
                1e-7, a, b);

            using var loss = Loss(0.2, -2, ContrastMode.Symmetric, SimilarityMeasure.Cosine, nn.Reduction.Sum, tiling);
            var mask = ids.unsqueeze(1).eq(ids.unsqueeze(0)).logical_and(eye(4, dtype: ScalarType.Bool).logical_not());
            Gradients.ShouldAgree(
                () => loss.forward(a, b, ids), () => loss.forward(a, b, null, PairMap.Diagonal(4).Exclude(mask)), 1e-14, a, b);
        }
    }

    /// <summary>
    /// By hand, from equation 2 with t = 10 and b = -10: logits -0.4, -2, -12.8 / -2, -10, -4 / -16, -20, -2, the positives on the
    /// diagonal; 1/3 (log(1 + e^0.4) + log(1 + e^-2) + ... + log(1 + e^2)).
    /// </summary>
    [Fact]
    public void Three_pairs_by_hand()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[,] { { 0.6, 0.8 }, { 1.0, 0.0 }, { 0.0, -1.0 } });
        var y = tensor(new[,] { { 0.8, 0.6 }, { 0.0, 1.0 }, { 0.6, -0.8 } });
        using var loss = new SigmoidContrastiveLoss();
        loss.forward(x, y).item<double>().Should().BeApproximately(4.43733249590366, 1e-6);
        F.sigmoid_contrastive(x, y).item<double>().Should().BeApproximately(4.43733249590366, 1e-12);
        F.sigmoid_contrastive(x, y, mode: ContrastMode.Symmetric).item<double>().Should().BeApproximately(4.43733249590366, 1e-12);
    }

    /// <summary>open_clip's SigLipLoss: -logsigmoid(labels * (scale * x yᵀ + bias)).sum() / N of unit rows.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Open_clip(int n)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Draw.Leaf(1, n, 4), Draw.Leaf(2, n, 4));
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3) })
        {
            using var loss = Loss(0.1, -10, ContrastMode.OneDirection, SimilarityMeasure.Cosine, nn.Reduction.Mean, tiling);
            var (logScale, bias) = Own(loss);
            Gradients.ShouldAgree(
                () => loss.forward(x, y),
                () =>
                {
                    var logits = (logScale.exp() * F.normalize(x, dim: 1).matmul(F.normalize(y, dim: 1).t())) + bias;
                    var labels = (2 * eye(n, dtype: ScalarType.Float64)) - ones(n, n, dtype: ScalarType.Float64);
                    return -F.logsigmoid(labels * logits).sum() / n;
                },
                1e-12, x, y, logScale, bias);
        }
    }

    [Fact]
    public void Finite_differences_agree_for_every_input()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3) })
        {
            foreach (var mode in Enum.GetValues<ContrastMode>())
            {
                using var loss = Loss(0.5, -1, mode, SimilarityMeasure.Cosine, nn.Reduction.Mean, tiling);
                var (logScale, bias) = Own(loss);
                Gradients.ShouldMatchFiniteDifferences(() => loss.forward(a, b), a, b, logScale, bias);
            }
        }
    }

    [Fact]
    public void Blocks_of_pairs_add_up_to_the_whole_values_and_gradients()
        => (from make in PairCase.Any from options in Options from height in Gen.Int[1, 4] from size in Gen.Int[1, 4] select (make, options, height, size)).Check(x =>
        {
            var pairs = x.make();
            var (measure, tau, start, seed, width, tiling) = x.options;
            var (a, b) = (Draw.Leaf(seed, pairs.Anchors, width), Draw.Leaf(seed + 1, pairs.Candidates, width));
            using var loss = Loss(tau, start, ContrastMode.Symmetric, measure, nn.Reduction.Mean, tiling);
            using var whole = Loss(tau, start, ContrastMode.OneDirection, measure, nn.Reduction.Sum, tiling);
            var (logScale, bias) = Own(loss);
            var (wholeScale, wholeBias) = Own(whole);
            var total = zeros([], dtype: ScalarType.Float64);
            for (var i = 0; i < pairs.Anchors; i += x.height)
            {
                for (var j = 0; j < pairs.Candidates; j += x.size)
                {
                    var (rows, columns) = (Math.Min(x.height, pairs.Anchors - i), Math.Min(x.size, pairs.Candidates - j));
                    total += loss.SumPairs(a.narrow(0, i, rows), b.narrow(0, j, columns), pairs.Map.Block(i, rows, j, columns));
                }
            }
            var expected = whole.forward(a, b, null, pairs.Map);
            total.ShouldEqual(expected, 1e-12);
            var (found, right) = (Gradients.Of(total, a, b, logScale, bias), Gradients.Of(expected, a, b, wholeScale, wholeBias));
            for (var n = 0; n < 4; n++) found[n].ShouldEqual(right[n], 1e-12);
        });

    private static SigmoidContrastiveLoss Loss(
        double tau, double bias, ContrastMode mode, SimilarityMeasure measure, nn.Reduction reduction, Tiling tiling)
    {
        var loss = new SigmoidContrastiveLoss(Temperature.Learned(tau, 1e-3, 1e3), bias, true, mode, measure, reduction) { Tiling = tiling };
        loss.to(ScalarType.Float64);
        // What float32 made of them is what they are.
        return loss;
    }

    private static (Tensor LogScale, Tensor Bias) Own(SigmoidContrastiveLoss loss)
    {
        var parameters = loss.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        return (parameters["temperature.log_scale"], parameters["bias"]);
    }

    private static Tensor Reduce(Tensor perAnchor, nn.Reduction reduction) => reduction switch
    {
        nn.Reduction.None => perAnchor,
        nn.Reduction.Sum => perAnchor.sum(),
        _ => perAnchor.mean(),
    };
}
