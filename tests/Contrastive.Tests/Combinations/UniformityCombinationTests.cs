using Contrastive.Numerics;
using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>Uniformity: every setting in combination.</summary>
public class UniformityCombinationTests
{
    private sealed record Features(
        double T, bool SelfPairs, int Count, int Width, bool Float64, Layout Layout, bool Gradient, int TileRows, int TileColumns,
        long MemoryBudget, int Seed)
    {
        public Tiling Tiling => TileRows == 0 ? AnyTiling.Whole : AnyTiling.Tiles(TileRows, TileColumns, MemoryBudget);
    }

    private static readonly Gen<Features> Any =
        from t in Gen.OneOf(0.5, 2, 10, 60)
        from self in Gen.Bool
        from count in Gen.Frequency((1, Gen.Const(1)), (2, Gen.Const(2)), (4, Gen.Int[3, 8]), (2, Gen.Const(33)), (1, Gen.Const(130)))
        from width in Gen.Int[1, 5]
        from float64 in Gen.Int[0, 3]
        from layout in Gen.OneOf(Layout.Contiguous, Layout.Transposed, Layout.Sliced)
        from gradient in Gen.Int[0, 4]
        from whole in Gen.Bool
        from rows in Gen.Int[1, 7]
        from columns in Gen.Int[1, 7]
        from budget in Gen.OneOf(0L, 300, 1 << 20)
        from seed in Gen.Int[0, 1_000_000]
        select new Features(
            t, self, self ? count : Math.Max(2, count), width, float64 > 0, layout, gradient > 0,
            whole ? 0 : rows * (1 + (count / 16)), columns * (1 + (count / 16)), budget, seed);

    [Fact]
    public void Uniformity() => Any.Check(Check, CombinationTests.Draws(100));

    private static void Check(Features c)
    {
        var dtype = c.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        using var loss = new UniformityLoss(c.T, c.SelfPairs) { Tiling = c.Tiling };
        for (var step = 0; step < 3; step++)
        {
            var drawn = (Draw.Normal(c.Seed + (7 * step), c.Count, c.Width) * Draw.Normal(c.Seed + (7 * step) + 1, c.Count, 1).exp()).to(dtype);
            var x = (c.Layout switch
            {
                Layout.Transposed => drawn.t().contiguous().t(),
                Layout.Sliced => cat([drawn, drawn.Times(3)], 1).narrow(1, 0, c.Width),
                _ => drawn,
            }).detach().requires_grad_(c.Gradient);

            var exact = x.detach().to(ScalarType.Float64).clone().requires_grad_();
            var rows = Reference.Rows(exact, SimilarityMeasure.Cosine);
            var differences = rows.unsqueeze(1) - rows.unsqueeze(0);
            var exponents = (differences * differences).sum(-1).Times(-c.T);
            var counted = c.SelfPairs ? ones(c.Count, c.Count, dtype: ScalarType.Bool) : eye(c.Count, dtype: ScalarType.Bool).logical_not();
            var logSum = Reference.LogSum(Reference.LogSum(exponents, counted).unsqueeze(0), ones(1, c.Count, dtype: ScalarType.Bool))[0];
            var expected = logSum.Plus(-Math.Log(c.Count * (c.SelfPairs ? c.Count : c.Count - 1.0)));

            var rounding = new Rounding(Math.Pow(2, c.Float64 ? -52 : -23));
            rounding.Meet(4 * c.T);
            var actual = loss.forward(x);
            rounding.ShouldAgree(actual, expected, ones_like(expected), $"the loss of step {step}");
            actual.requires_grad.Should().Be(c.Gradient);
            if (!c.Gradient) continue;
            actual.backward();
            expected.backward();
            var terms = (exponents - logSum).exp().masked_fill(counted.logical_not(), Scalars.Zero).detach().sum(1L).Times(4 * c.T);
            rounding.ShouldAgree(x.grad!, exact.grad!, terms / (exact * exact).sum(1L).sqrt().detach(), $"the gradient of step {step}");
        }
    }
}
