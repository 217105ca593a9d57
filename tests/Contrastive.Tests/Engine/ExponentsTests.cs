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
}
