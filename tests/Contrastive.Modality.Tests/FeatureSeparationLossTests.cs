using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class FeatureSeparationLossTests
{
    [Fact]
    public void It_is_the_weighted_sum_of_its_formulas()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[2, 5]
            from width in Gen.Int[1, 4]
            from t in Gen.Double[0.1, 4]
            from denominator in Gen.Enum<InModalDenominator>()
            select (seed, n, width, t, denominator)).Check(x =>
        {
            var c = new Case(x.seed, x.n, x.width);
            using var loss = new FeatureSeparationLoss(Temperature.Fixed(0.5), x.denominator, 0.7, 1.3, 0.4, x.t);
            Gradients.ShouldAgree(
                () => loss.forward(c.First, c.Second) + (c.Via.sum() + c.Tia.sum()) * 0,
                () =>
                {
                    var (v, t, vi, ti) = (Case.Unit(c.V), Case.Unit(c.T), Case.Unit(c.Vi), Case.Unit(c.Ti));
                    var usual = x.denominator == InModalDenominator.Augmented;
                    var (pv, pt) = usual ? (Case.Unit(c.Via), Case.Unit(c.Tia)) : (vi, ti);
                    return (0.7 * Reference.Orthogonality(v, vi, t, ti))
                        + (1.3 * (Reference.Contrast(vi, pv, pv, 0.5) + Reference.Contrast(ti, pt, pt, 0.5)))
                        + (0.4 * Reference.Uniformity(vi, ti, x.t)) + ((c.Via.sum() + c.Tia.sum()) * 0);
                },
                1e-10, c.V, c.T, c.Vi, c.Ti, c.Via, c.Tia);
        });

    [Fact]
    public void Orthogonal_features_have_no_orthogonality_loss()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 5, 6);
        var even = tensor(new[] { 1.0, 0, 1, 0, 1, 0 });
        var (first, second) = (new ModalityFeatures(c.V * even, c.Va, c.Vi * (1 - even), c.Via), new ModalityFeatures(c.T * even, c.Ta, c.Ti * (1 - even), c.Tia));
        using var loss = new FeatureSeparationLoss();
        loss.Evaluate(first, second)["orthogonality"].item<double>().Should().Be(0);
        loss.Evaluate(c.First, c.Second)["orthogonality"].item<double>().Should().BeGreaterThan(0.01);
    }

    [Fact]
    public void Large_batches_take_no_matrix_of_pairs_and_mean_the_same()
    {
        using var scope = NewDisposeScope();
        const int rows = 130;
        var c = new Case(1, rows, 3);
        using var loss = new FeatureSeparationLoss(orthogonalityWeight: 0, contrastWeight: 0);
        Gradients.ShouldAgree(
            () => loss.forward(c.First, c.Second),
            () => LogPotential(Case.Unit(c.Vi)).logaddexp(LogPotential(Case.Unit(c.Ti))) - Math.Log(rows),
            1e-10, c.Vi, c.Ti);

        static Tensor LogPotential(Tensor x) => (x.unsqueeze(0) - x.unsqueeze(1)).pow(2).sum(dim: 2).mul(-2).flatten().logsumexp(0);
    }

    [Fact]
    public void Its_tiling_is_that_of_contrast_and_uniformity_and_changes_no_number()
    {
        using var scope = NewDisposeScope();
        var c = new Case(7, 9, 4);
        using var whole = new FeatureSeparationLoss(Temperature.Fixed(0.3));
        whole.Tiling.Should().BeSameAs(Tiling.Default);
        whole.Tiling = new Tiling { DensePairs = long.MaxValue };
        using var tiled = new FeatureSeparationLoss(Temperature.Fixed(0.3)) { Tiling = new Tiling { Rows = 4, Columns = 3 } };
        Gradients.ShouldAgree(
            () => tiled.forward(c.First, c.Second), () => whole.forward(c.First, c.Second), 1e-12, c.V, c.T, c.Vi, c.Ti, c.Via, c.Tia);

        foreach (var weights in new[] { (Contrast: 1.0, Uniformity: 0.0), (Contrast: 0, Uniformity: 1) })
        {
            using var part = new FeatureSeparationLoss(orthogonalityWeight: 0, contrastWeight: weights.Contrast, uniformityWeight: weights.Uniformity);
            part.Tiling = whole.Tiling;
            Second(part).isfinite().all().item<bool>().Should().BeTrue();
            part.Tiling = tiled.Tiling;
            Second(part).isfinite().any().item<bool>().Should().BeFalse("tiles can be differentiated once");
            FluentActions.Invoking(() => part.Tiling = null!).Should().Throw<ArgumentNullException>();
            part.Tiling.Should().BeSameAs(tiled.Tiling);
        }

        Tensor Second(FeatureSeparationLoss loss)
        {
            var gradient = autograd.grad([loss.forward(c.First, c.Second)], [c.Vi], retain_graph: true, create_graph: true)[0];
            return autograd.grad([gradient.sum()], [c.Vi])[0];
        }
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 3);
        using var loss = new FeatureSeparationLoss();
        Refuses(() => loss.forward(new(c.V, c.Va), c.Second), "FeatureSeparationLoss needs the independent features of the first modality: first.Independent is null");
        Refuses(() => loss.forward(c.First, new(c.T, c.Ta, c.Ti)), "needs the independent features of the augmentation of the second modality: second.IndependentAugmented is null");
        using var printed = new FeatureSeparationLoss(denominator: InModalDenominator.AsPrinted);
        printed.forward(new(c.V, Independent: c.Vi), new(c.T, Independent: c.Ti)).ShouldBeFinite();
        using var without = new FeatureSeparationLoss(contrastWeight: 0);
        without.forward(new(c.V, Independent: c.Vi), new(c.T, Independent: c.Ti)).ShouldBeFinite("a term of weight 0 needs nothing");
        Refuses(() => new FeatureSeparationLoss(orthogonalityWeight: 0, contrastWeight: 0, uniformityWeight: 0), "every weight is 0");
        Refuses(() => new FeatureSeparationLoss(orthogonalityWeight: -1), "orthogonalityWeight must be at least 0 and finite but is -1");
        Refuses(() => new FeatureSeparationLoss(kernelT: 0), "kernelT must be positive and finite but is 0");
    }
}
