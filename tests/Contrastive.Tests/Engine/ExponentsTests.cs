using static TorchSharp.torch;

namespace Contrastive.Tests.Engine;

/// <summary>Tiles as exponentials: where float32 can hold them it must not show, and where it cannot they are left.</summary>
public class ExponentsTests
{
    [Theory]
    [InlineData(0.07)]      // every exponential fits
    [InlineData(0.012)]     // they fit when shifted, if the sums turn out large enough
    [InlineData(0.009)]     // and so on
    [InlineData(0.005)]     // they do not
    public void Float32_in_tiles_is_float64_of_the_whole_at_any_temperature(double tau)
    {
        // Rows that agree, rows that are orthogonal, and rows that all point away from every candidate: sums near e^(1/τ) and e^(-1/τ).
        foreach (var (a, b) in new[] { Random(), Opposite(), Mixed() })
        {
            using var scope = NewDisposeScope();
            foreach (var mode in new[] { ContrastMode.OneDirection, ContrastMode.Symmetric })
            {
                var (x, y) = (a.to(ScalarType.Float32).detach().requires_grad_(), b.to(ScalarType.Float32).detach().requires_grad_());
                var (wideX, wideY) = (x.detach().to(ScalarType.Float64).requires_grad_(), y.detach().to(ScalarType.Float64).requires_grad_());
                using var tiled = new InfoNCELoss(Temperature.Fixed(tau), mode) { Tiling = AnyTiling.Tiles(3, 4) };
                using var whole = new InfoNCELoss(Temperature.Fixed(tau), mode);
                var (value, expected) = (tiled.forward(x, y), whole.forward(wideX, wideY));
                value.ShouldEqual(expected, 2e-6 / tau);
                var (gradients, expectedGradients) = (Gradients.Of(value, x, y), Gradients.Of(expected, wideX, wideY));
                for (var i = 0; i < 2; i++) gradients[i].ShouldEqual(expectedGradients[i], 2e-6 / tau);
            }
        }

        static (Tensor, Tensor) Random() => (Draw.Normal(1, 9, 16), Draw.Normal(2, 9, 16));

        static (Tensor, Tensor) Opposite()
        {
            var direction = Draw.Normal(3, 1, 16);
            return (direction + (Draw.Normal(4, 9, 16) * 0.01), -direction + (Draw.Normal(5, 9, 16) * 0.01));
        }

        static (Tensor, Tensor) Mixed()
        {
            var (a, b) = Opposite();
            return (a, cat([b[..5], -b[5..]]));
        }
    }

    [Fact]
    public void The_range_decides_and_its_ends_are_safe()
    {
        Exponents.For(75, 1, ScalarType.Float32).Should().Be(new Exponents(0, 0));
        Exponents.For(112.5, 1, ScalarType.Float32).Should().Be(new Exponents(37.5, Math.Exp(-60)));
        Exponents.For(650, 1, ScalarType.Float64).Should().Be(new Exponents(0, 0));
        Exponents.For(975, 1, ScalarType.Float64).Should().Be(new Exponents(325, Math.Exp(-635)));
        Exponents.For(975.1, 1, ScalarType.Float64).Should().BeNull();
        Exponents.For(112.6, 1, ScalarType.Float32).Should().BeNull();
        Exponents.For(double.NaN, 1, ScalarType.Float32).Should().BeNull();
        Exponents.For(double.PositiveInfinity, 1, ScalarType.Float64).Should().BeNull();
        var shifted = Exponents.For(110, 65536, ScalarType.Float32)!;
        foreach (var count in new[] { 1L << 16, 1L << 20, 1L << 30 })
        {
            // The largest bound that needs no shift.
            var bound = Enumerable.Range(1, 100).Last(b => Exponents.For(b, count, ScalarType.Float32) is { Shift: 0 });
            (Math.Exp(bound) * count).Should().BeLessThan(float.MaxValue);
        }
        MathF.Exp((float)(110 - shifted.Shift)).Should().BeLessThan(float.MaxValue / 65536);
        ((float)shifted.Lowest).Should().BeGreaterThan(1e-37f, "what is below it is rounded to denormals");
    }

    /// <summary>Products of lengths decide whether exponentials fit; a length alone says nothing.</summary>
    [Theory]
    [InlineData(40, 40)]
    [InlineData(1, 1500)]
    [InlineData(1500, 1)]
    [InlineData(0.01, 1e5)]
    public void Dot_products_of_any_lengths_in_tiles_are_those_of_the_whole(double left, double right)
    {
        using var scope = NewDisposeScope();
        var (a, b) = ((Draw.Normal(1, 9, 4) * left).detach().requires_grad_(), (Draw.Normal(2, 9, 4) * right).detach().requires_grad_());
        foreach (var mode in new[] { ContrastMode.OneDirection, ContrastMode.Symmetric })
        {
            using var tiled = new InfoNCELoss(Temperature.Fixed(1), mode, SimilarityMeasure.DotProduct) { Tiling = AnyTiling.Tiles(3, 4) };
            using var whole = new InfoNCELoss(Temperature.Fixed(1), mode, SimilarityMeasure.DotProduct) { Tiling = AnyTiling.Whole };
            Gradients.ShouldAgree(() => tiled.forward(a, b), () => whole.forward(a, b), 1e-12, a, b);
        }
    }

    /// <summary>At the smaller of the temperatures no exponential fits, and each sum has a unit of its own.</summary>
    [Theory]
    [InlineData(0.3, PositiveSampling.Sampled)]
    [InlineData(0.0005, PositiveSampling.Sampled)]
    [InlineData(0.3, PositiveSampling.Complete)]
    [InlineData(0.0005, PositiveSampling.Complete)]
    public void Several_positives_in_tiles_are_those_of_the_whole(double tau, PositiveSampling sampling)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 9, 4), Draw.Leaf(2, 9, 4));
        var pairs = PairMap.FromLabels(tensor(new long[] { 1, 2, 1, 3, 2, 1, 4, 4, 3 }));
        using var tiled = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(tau), positiveSampling: sampling) { Tiling = AnyTiling.Tiles(3, 4) };
        using var whole = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(tau), positiveSampling: sampling) { Tiling = AnyTiling.Whole };
        tiled.Evaluate(a, b, pairs: pairs).Objective.ShouldEqual(whole.Evaluate(a, b, pairs: pairs).Objective, 1e-12);
        Gradients.ShouldAgree(() => tiled.forward(a, b, null, pairs), () => whole.forward(a, b, null, pairs), 1e-12, a, b);
    }

    /// <summary>Positives as far away as they can be, and negatives as near: in float32 exponentials of both fit into no one unit.</summary>
    [Theory]
    [InlineData(0.02)]
    [InlineData(0.01)]
    [InlineData(0.009)]
    [InlineData(0.005)]
    public void Several_positives_far_away_do_not_vanish_in_float32(double tau)
    {
        using var scope = NewDisposeScope();
        var direction = Draw.Normal(3, 1, 16);
        var near = direction + (Draw.Normal(4, 4, 16) * 0.01);
        var (a, b) = (cat([near[..2], -near[2..]]), cat([-near[2..], near[..2]]));
        var pairs = PairMap.FromLabels(tensor(new long[] { 1, 1, 2, 2 }));
        var (x, y) = (a.to(ScalarType.Float32).detach().requires_grad_(), b.to(ScalarType.Float32).detach().requires_grad_());
        var (wideX, wideY) = (x.detach().to(ScalarType.Float64).requires_grad_(), y.detach().to(ScalarType.Float64).requires_grad_());
        foreach (var tiling in new[] { AnyTiling.Tiles(4, 4), AnyTiling.Tiles(2, 3) })
        {
            using var tiled = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(tau)) { Tiling = tiling };
            using var whole = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(tau)) { Tiling = AnyTiling.Whole };
            Same(tiled.Evaluate(x, y, pairs: pairs).Objective, whole.Evaluate(wideX, wideY, pairs: pairs).Objective);
            foreach (var sum in Enum.GetValues<PositiveSum>())
            {
                using var ours = new InfoNCELoss(Temperature.Fixed(tau), ContrastMode.Symmetric, positiveSum: sum) { Tiling = tiling };
                using var theirs = new InfoNCELoss(Temperature.Fixed(tau), ContrastMode.Symmetric, positiveSum: sum) { Tiling = AnyTiling.Whole };
                var (value, expected) = (ours.forward(x, y, null, pairs), theirs.forward(wideX, wideY, null, pairs));
                Same(value, expected);
                foreach (var (found, gradient) in Gradients.Of(value, x, y).Zip(Gradients.Of(expected, wideX, wideY))) Same(found, gradient);
            }
        }

        void Same(Tensor found, Tensor expected) => found.ShouldEqual(expected, 2e-6 / tau);
    }

    /// <summary>However large similarities are, what counts is the difference between them: at 1e9 a double has 7 digits behind the point.</summary>
    [Fact]
    public void Digits_of_a_whole_matrix_are_those_of_the_differences()
    {
        using var scope = NewDisposeScope();
        var row = Draw.Normal(1, 1, 3).expand(4, 3).contiguous();
        foreach (var mode in new[] { ContrastMode.OneDirection, ContrastMode.Symmetric })
        {
            using var cold = new InfoNCELoss(Temperature.Fixed(1e-9), mode) { Tiling = AnyTiling.Whole };
            cold.forward(row, row.clone()).ShouldEqual(tensor(Math.Log(4)), 1e-12);

            var (a, b) = (Draw.Normal(2, 4, 3), Draw.Normal(3, 4, 3));
            using var loss = new InfoNCELoss(mode: mode) { Tiling = AnyTiling.Whole };
            var pairs = PairMap.Diagonal(4).WithLogitBias(full([4], Math.Pow(2, 30), dtype: ScalarType.Float64));
            loss.forward(a, b, null, pairs).ShouldEqual(loss.forward(a, b), 1e-6);
            loss.forward(row, row.clone(), null, pairs).ShouldEqual(tensor(Math.Log(4)), 1e-12);
        }
    }

    /// <summary>Of rows that are not finite, on either side, nothing may reach an estimator's table, whole or in tiles.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_not_finite_is_found_on_either_side(bool isWhole)
    {
        using var scope = NewDisposeScope();
        using var table = new PartitionTable(5);
        using var loss = new GammaContrastiveLoss(table) { Tiling = isWhole ? AnyTiling.Whole : AnyTiling.Tiles(2, 2) };
        var (good, bad) = (Draw.Normal(1, 5, 3), Draw.Normal(2, 5, 3));
        bad[3, 1] = double.NaN;
        foreach (var (a, b, name) in new[] { (bad, good, "anchors"), (good, bad, "candidates") })
            Refuses(() => loss.Evaluate(a, b, arange(5)), $"{name} are not finite in row 3");
    }
}
