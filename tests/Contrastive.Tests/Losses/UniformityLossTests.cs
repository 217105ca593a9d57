using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

public class UniformityLossTests
{
    [Fact]
    public void It_is_its_formula_in_tiles_of_any_size()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[2, 9]
            from width in Gen.Int[1, 4]
            from t in Gen.Double[0.1, 40]
            from selfPairs in Gen.Bool
            from tiling in AnyTiling.Gen
            select (seed, n, width, t, selfPairs, tiling)).Check(x =>
        {
            var rows = Draw.Leaf(x.seed, x.n, x.width);
            using var loss = new UniformityLoss(x.t, x.selfPairs) { Tiling = x.tiling };
            Gradients.ShouldAgree(() => loss.forward(rows), () => Reference(rows, x.t, x.selfPairs), 1e-9, rows);
        });

    [Fact]
    public void The_function_is_the_module_without_one()
    {
        using var scope = NewDisposeScope();
        var x = Draw.Leaf(1, 6, 3);
        foreach (var self in new[] { false, true })
        {
            using var loss = new UniformityLoss(1.5, self);
            Gradients.ShouldAgree(() => nn.functional.uniformity(x, 1.5, self), () => loss.forward(x), 1e-15, x);
            Gradients.ShouldAgree(() => nn.functional.uniformity(x, 1.5, self, AnyTiling.Tiles(2, 3)), () => loss.forward(x), 1e-13, x);
        }
        Refusal.Refuses(() => nn.functional.uniformity(x, 0), "t must be positive and finite but is 0");
        Refusal.Refuses(() => nn.functional.uniformity(x.narrow(0, 0, 1)), "x must have at least 2 rows but has 1");
        TensorCount.ShouldStay(() => nn.functional.uniformity(x).Dispose(), times: 3);
    }

    [Fact]
    public void Finite_differences_agree()
    {
        using var scope = NewDisposeScope();
        var x = Draw.Leaf(1, 5, 3);
        using var dense = new UniformityLoss();
        Gradients.ShouldMatchFiniteDifferences(() => dense.forward(x), x);
        using var tiled = new UniformityLoss { Tiling = AnyTiling.Tiles(2, 3) };
        Gradients.ShouldMatchFiniteDifferences(() => tiled.forward(x), x);
    }

    [Fact]
    public void Rows_at_one_point_are_0_and_opposite_rows_minus_4t_however_sharp_the_kernel()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(1, 2) })
        {
            foreach (var t in new[] { 0.5, 2, 500 })
            {
                using var scope = NewDisposeScope();
                using var loss = new UniformityLoss(t) { Tiling = tiling };
                var direction = Draw.Normal(1, 1, 4).to(ScalarType.Float32);
                loss.forward(direction.expand(3, 4)).item<float>().Should().BeApproximately(0, (float)(1e-6 * t));
                var opposite = cat([direction, -direction]).requires_grad_();
                var value = loss.forward(opposite);
                value.item<float>().Should().BeApproximately((float)(-4 * t), (float)(1e-5 * t));
                Gradients.Of(value, opposite)[0].ShouldBeFinite();
            }
        }
    }

    [Fact]
    public void A_zero_row_is_at_the_origin_and_takes_no_gradient()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 2) })
        {
            using var scope = NewDisposeScope();
            var x = cat([Draw.Normal(1, 2, 3), zeros(2, 3, dtype: ScalarType.Float64)]).requires_grad_();
            using var loss = new UniformityLoss { Tiling = tiling };
            var value = loss.forward(x);
            value.ShouldEqual(Reference(x.detach(), 2, false));
            var gradient = Gradients.Of(value, x)[0];
            gradient.ShouldBeFinite();
            gradient[2].ShouldEqual(zeros(3, dtype: ScalarType.Float64), 0);
        }
    }

    [Fact]
    public void Half_precision_is_computed_in_float32_and_NaN_gives_NaN()
    {
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 2) })
        {
            using var scope = NewDisposeScope();
            using var loss = new UniformityLoss { Tiling = tiling };
            var half = Draw.Normal(1, 4, 3).to(ScalarType.Float16).detach().requires_grad_();
            var value = loss.forward(half);
            value.dtype.Should().Be(ScalarType.Float32);
            value.ShouldEqual(loss.forward(half.detach().to(ScalarType.Float32)), 1e-6);
            Gradients.Of(value, half)[0].dtype.Should().Be(ScalarType.Float16);

            var broken = Draw.Normal(1, 4, 3);
            broken[1, 1] = double.NaN;
            loss.forward(broken).isnan().item<bool>().Should().BeTrue();
        }
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        using var x = Draw.Leaf(1, 6, 3);
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 2) })
        {
            using var loss = new UniformityLoss(20) { Tiling = tiling };
            TensorCount.ShouldStay(() =>
            {
                using var value = loss.forward(x);
                value.backward();
            });
        }
    }

    [Fact]
    public void Bad_input_is_refused()
    {
        using var scope = NewDisposeScope();
        using var loss = new UniformityLoss();
        Refuses(() => loss.forward(zeros(1, 3)), "x must have at least 2 rows but has 1");
        Refuses(() => loss.forward(zeros(3)), "x must have the shape (N, D) but has (3)");
        Refuses(() => new UniformityLoss(0), "t must be positive and finite but is 0");
        FluentActions.Invoking(() => new UniformityLoss { Tiling = null! }).Should().Throw<ArgumentNullException>();
        using var self = new UniformityLoss(selfPairs: true);
        self.forward(ones(1, 3)).item<float>().Should().BeApproximately(0, 1e-6f);
        Refuses(() => self.forward(zeros(0, 3)), "x must have at least 1 rows but has 0");
    }

    /// <summary>log mean exp(-t ‖x_j - x_k‖²) over pairs j ≠ k, or all pairs; zero rows stay zero.</summary>
    private static Tensor Reference(Tensor x, double t, bool selfPairs)
    {
        var terms = new List<Tensor>();
        for (var j = 0; j < x.shape[0]; j++)
        {
            for (var k = 0; k < x.shape[0]; k++)
            {
                if (j != k || selfPairs) terms.Add((Unit(x[j]) - Unit(x[k])).pow(2).sum() * -t);
            }
        }
        return stack(terms).logsumexp(0) - Math.Log(terms.Count);

        static Tensor Unit(Tensor row) => row.norm().item<double>() == 0 ? row : row / row.norm();
    }
}
