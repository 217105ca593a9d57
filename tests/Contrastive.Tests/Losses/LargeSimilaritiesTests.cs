using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>What a loss makes of similarities does not depend on how large they all are, only on how they differ.</summary>
public abstract class LargeSimilaritiesTests(Tiling tiling)
{
    private const int N = 5;

    [Fact]
    public void Equal_similarities_of_any_size_are_log_N_to_InfoNCE() => InEachCase((size, dtype, because) =>
    {
        var (a, b) = Equal(size, dtype);
        foreach (var reduction in Enum.GetValues<nn.Reduction>())
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.5), similarity: SimilarityMeasure.DotProduct, reduction: reduction) { Tiling = tiling };
            var result = loss.Evaluate(a, b);
            Each(result.Loss, reduction).ShouldEqual(tensor(Math.Log(N)).expand(Each(result.Loss, reduction).shape), 1e-6, because);
            Each(result.Objective, reduction).ShouldEqual(Each(result.Loss, reduction), 1e-6);
            ShouldBeGradients(result.Loss, reduction, a, b, because);
        }
    });

    [Fact]
    public void However_far_below_zero_they_are()
    {
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var map in new[] { PairMap.Diagonal(N), PairMap.FromMask(eye(N, dtype: ScalarType.Bool)) })
            {
                foreach (var mode in new[] { ContrastMode.OneDirection, ContrastMode.Symmetric })
                {
                    using var scope = NewDisposeScope();
                    // The least temperature there is: s = -2.25e30.
                    var a = full(N, 1, 1.5, dtype: dtype);
                    using var loss = new InfoNCELoss(Temperature.Fixed(1e-30), mode, SimilarityMeasure.DotProduct) { Tiling = tiling };
                    loss.forward(a, a.neg(), null, map).ShouldEqual(tensor(Math.Log(N)), 1e-6, $"{dtype}, {mode}");
                }
            }
        }
    }

    [Fact]
    public void And_with_several_positives_and_masks() => InEachCase((size, dtype, because) =>
    {
        var (a, b) = Equal(size, dtype);
        // Two positives per anchor, three negatives.
        var labels = tensor(new long[] { 0, 1, 0, 1, 2 });
        var map = PairMap.FromMask(eye(N, dtype: ScalarType.Bool).logical_or(eye(N, dtype: ScalarType.Bool).roll(1, 0)));
        foreach (var sum in Enum.GetValues<PositiveSum>())
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.5), similarity: SimilarityMeasure.DotProduct, positiveSum: sum) { Tiling = tiling };
            var value = loss.forward(a, b, null, map);
            value.ShouldEqual(tensor(Math.Log(N)), 1e-6, $"{sum}, {because}");
            Gradients.Of(value, a)[0].ShouldEqual(zeros(N, 2), 1e-6, "all candidates of an anchor are one point");
            using var lenient = new InfoNCELoss(Temperature.Fixed(0.5), similarity: SimilarityMeasure.DotProduct, positiveSum: sum, missingPairs: MissingPairs.Skip) { Tiling = tiling };
            lenient.forward(a, b, null, PairMap.FromLabels(labels)).ShouldEqual(tensor(Math.Log(4)), 1e-6, $"{sum}, {because}");
        }
    });

    [Fact]
    public void And_to_both_directions() => InEachCase((size, dtype, because) =>
    {
        // All similarities of a row or of a column are one.
        var a = (tensor(new[] { size, 3 }).expand(N, 2).to(dtype)).detach().clone().requires_grad_();
        var b = (tensor(new[] { 0.5, 0 }).expand(N, 2).to(dtype)).detach().clone().requires_grad_();
        using var loss = new InfoNCELoss(Temperature.Fixed(0.5), ContrastMode.Symmetric, SimilarityMeasure.DotProduct) { Tiling = tiling };
        var value = loss.forward(a, b);
        value.ShouldEqual(tensor(Math.Log(N)), 1e-6, because);
        foreach (var gradient in Gradients.Of(value, a, b))
            (gradient / size).ShouldEqual(zeros(N, 2), 1e-6);
    });

    [Fact]
    public void And_to_explicit_negatives() => InEachCase((size, dtype, because) =>
    {
        var (a, b) = Equal(size, dtype);
        using var loss = new InfoNCELoss(Temperature.Fixed(0.5), similarity: SimilarityMeasure.DotProduct) { Tiling = tiling };
        foreach (var negatives in new[] { b.narrow(0, 0, N - 1), b.narrow(0, 0, N - 1).unsqueeze(0).expand(N, N - 1, 2) })
        {
            var value = loss.EvaluateNegatives(a, b, negatives).Loss;
            value.ShouldEqual(tensor(Math.Log(N)), 1e-6, $"{because}, {negatives.dim()}");
            Gradients.Of(value, a)[0].ShouldEqual(zeros(N, 2), 1e-6);
        }
    });

    [Fact]
    public void And_to_the_gamma_loss() => InEachCase((size, dtype, because) =>
    {
        var (a, b) = Equal(size, dtype);
        foreach (var reduction in Enum.GetValues<nn.Reduction>())
        {
            using var loss = new GammaContrastiveLoss(
                new BatchPartition(), Temperature.Fixed(0.5), similarity: SimilarityMeasure.DotProduct, reduction: reduction)
            { Tiling = tiling };
            var result = loss.Evaluate(a, b);
            Each(result.Objective, reduction).ShouldEqual(tensor(Math.Log(N)).expand(Each(result.Objective, reduction).shape), 1e-6, because);
            ShouldBeGradients(result.Loss, reduction, a, b, because);
        }
    });

    [Fact]
    public void A_small_loss_keeps_its_digits()
    {
        using var scope = NewDisposeScope();
        // Cosines 1 and 0.885, τ = 0.01: log(1 + exp(-11.5)).
        var a = tensor(new[,] { { 1f, 0f }, { 0f, 1f } }).requires_grad_();
        var near = 0.885f;
        var b = tensor(new[,] { { 1f, 0f }, { near, MathF.Sqrt(1 - (near * near)) } }).requires_grad_();
        var wide = b.detach().to(ScalarType.Float64);
        var right = Math.Log(1 + Math.Exp(((wide[1, 0] / wide[1].norm()).item<double>() - 1) / 0.01));
        right.Should().BeApproximately(1.013e-5, 1e-8);

        var positive = PairMap.FromMask(tensor(new[,] { { true, false } }));
        using var each = Loss(nn.Reduction.None);
        using var mean = Loss(nn.Reduction.Mean);
        Ratio(each.forward(a, b)[0]).Should().BeApproximately(1, 1e-3);
        Ratio(mean.forward(a.narrow(0, 0, 1), b, null, PairMap.Diagonal(2).Block(0, 1, 0, 2))).Should().BeApproximately(1, 1e-3);
        Ratio(mean.forward(a.narrow(0, 0, 1), b, null, positive)).Should().BeApproximately(1, 1e-3);
        Ratio(mean.EvaluateNegatives(a.narrow(0, 0, 1), b.narrow(0, 0, 1), b.narrow(0, 1, 1)).Loss).Should().BeApproximately(1, 1e-3);
        Ratio(mean.EvaluateNegatives(a.narrow(0, 0, 1), b.narrow(0, 0, 1), b.narrow(0, 1, 1).unsqueeze(0)).Loss).Should().BeApproximately(1, 1e-3);
        using var gamma = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.01)) { Tiling = tiling };
        foreach (var map in new[] { positive, PairMap.Diagonal(2).Block(0, 1, 0, 2) })
            Ratio(gamma.Evaluate(a.narrow(0, 0, 1), b, null, map).Objective).Should().BeApproximately(1, 1e-3);

        // ∂ℓ/∂a is the negative's share times (b_1 - b_0) / τ, across a.
        var share = 1 - Math.Exp(-right);
        foreach (var map in new[] { positive, PairMap.Diagonal(2).Block(0, 1, 0, 2) })
        {
            var anchor = a.narrow(0, 0, 1).detach().requires_grad_();
            var gradient = Gradients.Of(mean.forward(anchor, b, null, map), anchor)[0][0, 1].item<float>();
            (gradient / (share * wide[1, 1].item<double>() / 0.01)).Should().BeApproximately(1, 1e-3);
        }

        InfoNCELoss Loss(nn.Reduction reduction) => new(Temperature.Fixed(0.01), reduction: reduction) { Tiling = tiling };
        double Ratio(Tensor value) => value.item<float>() / right;
    }

    private static void InEachCase(Action<double, ScalarType, string> check)
    {
        foreach (var size in new[] { 1, 1e4, 1e7, 1e8, 1e12 })
        {
            foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
            {
                using var scope = NewDisposeScope();
                check(size, dtype, $"similarities of {size} in {dtype}");
            }
        }
    }

    /// <summary>All candidates are one point; the anchors are not, and neither are the similarities of different anchors.</summary>
    private static (Tensor Anchors, Tensor Candidates) Equal(double size, ScalarType dtype)
    {
        var a = Draw.Normal(1, N, 2);
        a.select(1, 0).copy_(arange(1, N + 1, dtype: ScalarType.Float64) * size / N);
        // Products that are exact in any order, so that equal similarities are equal to the last bit.
        var b = tensor(new[] { 0.5, 0 }).expand(N, 2);
        return (a.to(dtype).detach().requires_grad_(), b.to(dtype).detach().clone().requires_grad_());
    }

    private static Tensor Each(Tensor value, nn.Reduction reduction) => reduction == nn.Reduction.Sum ? value / N : value;

    /// <summary>∂L/∂a_i = 0, and ∂L/∂b_j = (Σ_i a_i / N - a_j) / τ, by N where the loss is the mean.</summary>
    private static void ShouldBeGradients(Tensor loss, nn.Reduction reduction, Tensor a, Tensor b, string because)
    {
        var gradients = Gradients.Of(loss.sum(), a, b);
        gradients[0].ShouldEqual(zeros(N, 2), 1e-6, because);
        var wide = a.detach().to(ScalarType.Float64);
        var expected = (wide.mean([0], keepdim: true) - wide) / (reduction == nn.Reduction.Mean ? 0.5 * N : 0.5);
        gradients[1].ShouldEqual(expected, 1e-6, because);
    }
}

public class LargeSimilaritiesOfTheWholeTests() : LargeSimilaritiesTests(AnyTiling.Whole);

public class LargeSimilaritiesInTilesTests() : LargeSimilaritiesTests(AnyTiling.Tiles(2, 3));

public class LargeSimilaritiesInTilesThatAreNotKeptTests() : LargeSimilaritiesTests(AnyTiling.Tiles(3, 2, budget: 0));
