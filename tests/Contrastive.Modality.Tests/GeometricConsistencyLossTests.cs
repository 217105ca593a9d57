using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class GeometricConsistencyLossTests
{
    [Fact]
    public void It_is_the_weighted_sum_of_its_formulas()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 7]
            from width in Gen.Int[1, 3]
            from normalization in Gen.Enum<PairNormalization>()
            select (seed, n, width, normalization)).Check(x =>
        {
            var c = new Case(x.seed, x.n, x.width);
            using var loss = new GeometricConsistencyLoss(0.6, 1.5, 0.8, x.normalization);
            var perPair = x.normalization == PairNormalization.Items ? 1.0 / x.n : 1.0 / (x.n * x.n);
            Gradients.ShouldAgree(
                () => loss.forward(c.First, c.Second),
                () =>
                {
                    var (v, t, va, ta) = (Case.Unit(c.V), Case.Unit(c.T), Case.Unit(c.Va), Case.Unit(c.Ta));
                    return (0.6 * perPair * Reference.CrossModal(v, t)) + (1.5 * perPair * Reference.InModal(v, t))
                        + (0.8 * ((perPair * (Reference.InModal(v, va) + Reference.InModal(t, ta))) + Reference.Pairs(v, t, va, ta)));
                },
                1e-10, c.V, c.T, c.Va, c.Ta);
        });

    [Fact]
    public void The_two_forms_are_each_others_test()
        => (from seed in Gen.Int[0, 1_000_000] from n in Gen.Int[1, 40] from width in Gen.Int[1, 12] select (seed, n, width)).Check(x =>
        {
            var (a, b) = (Draw.Leaf(x.seed, x.n, x.width), Draw.Leaf(x.seed + 1, x.n, x.width));
            Gradients.ShouldAgree(() => GeometryEquation.FromGrams(a, b).Within, () => GeometryEquation.FromPairs(a, b).Within, 1e-10, a, b);
            Gradients.ShouldAgree(() => GeometryEquation.FromGrams(a, b).Between, () => GeometryEquation.FromPairs(a, b).Between, 1e-10, a, b);
        });

    [Theory]
    [InlineData(4)]
    [InlineData(40)]
    public void Sums_that_nobody_asked_for_are_not_built(int n)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, n, 3);
        // Tensors are kept until the step ends: what the consistency made is still there when the next part is evaluated.
        long Made(double crossModal, double inModal, double augmented, bool wantsTerms = false)
        {
            var count = 0L;
            using var loss = new CompositeLoss(
                ("consistency", new GeometricConsistencyLoss(crossModal, inModal, augmented), 1),
                ("count", ModalityLoss.Of(_ => { count = Tensor.TotalCount; return zeros([]); }), 1));
            var (first, second, before) = (c.First, c.Second, Tensor.TotalCount);
            if (wantsTerms) loss.Evaluate(first, second).Dispose();
            else loss.forward(first, second).Dispose();
            return count - before;
        }

        var sum = Made(1, 1, 0);
        sum.Should().BeLessThan(Made(1, 1, 0, wantsTerms: true), "of the total, the two parts are not told apart");
        sum.Should().BeLessThan(Made(1, 0.5, 0));
        Made(1, 0, 0).Should().BeLessThan(Made(1, 0.5, 0)).And.Be(Made(0, 1, 0), "one part takes one sum");
        (Made(1, 1, 1) - Made(0, 0, 1)).Should().BeGreaterThan(5, "between the modalities nothing is computed");

        using var one = new GeometricConsistencyLoss(0, 0.5, 0);
        one.Evaluate(c.First, c.Second).Terms.Select(term => term.Name).Should().Equal("in_modal");
    }

    [Theory]
    [InlineData(8, 16)]
    [InlineData(200, 16)]
    public void In_float32_it_keeps_its_digits_where_the_modalities_nearly_agree(int n, int width)
    {
        using var scope = NewDisposeScope();
        foreach (var difference in new[] { 1e-4, 1e-6 })
        {
            // Differences that float32 holds: the features are exact in both precisions.
            var v = (Draw.Normal(1, n, width) * 1024).round() / 1024;
            var t = v + ((Draw.Normal(2, n, width) * 4).round() / 4 * Math.ScaleB(1, (int)Math.Round(Math.Log2(difference))));
            var (single, other) = (v.to(ScalarType.Float32), t.to(ScalarType.Float32));
            (v, t) = (single.to(ScalarType.Float64), other.to(ScalarType.Float64));
            foreach (var form in new Func<Tensor, Tensor, GeometryEquation>[] { GeometryEquation.FromGrams, GeometryEquation.FromPairs })
            {
                var (actual, exact) = (form(single, other), form(v, t));
                Relative(actual.Within, exact.Within).Should().BeLessThan(1e-4);
                Relative(actual.Between, exact.Between).Should().BeLessThan(1e-4);
            }
        }

        static double Relative(Tensor actual, Tensor exact)
            => Math.Abs((actual.to(ScalarType.Float64).item<double>() / exact.item<double>()) - 1);
    }

    [Theory]
    [InlineData(1e-3)]
    [InlineData(1e-5)]
    public void The_change_of_pairs_keeps_its_digits_where_all_four_nearly_agree(double difference)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 6, 8);
        Tensor Near(Tensor x) => Case.Unit(Case.Unit(c.V) + (difference * x));
        var exact = new GeometricConsistencyLoss(0, 0).Evaluate(new(Near(c.Vi), Near(c.Va)), new(Near(c.T), Near(c.Ta)))["augmented.pairs"].item<double>();
        // The plain formula in float64 has digits enough to compare with.
        var (v, t, va, ta) = (Near(c.Vi), Near(c.T), Near(c.Va), Near(c.Ta));
        exact.Should().BeApproximately((((v * t).sum(dim: 1) - (va * ta).sum(dim: 1)).pow(2)).mean().item<double>(), Math.Max(exact * 1e-3, 1e-30));
    }

    [Theory]
    [InlineData(8, 6)]
    [InlineData(400, 32)]
    public void A_reflection_of_the_other_modality_has_no_loss_either_and_never_a_negative_one(int n, int width)
    {
        using var scope = NewDisposeScope();
        var normal = Case.Unit(Draw.Normal(5, 1, width));
        var reflection = eye(width, dtype: ScalarType.Float64) - (2 * normal.t().matmul(normal));
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var v = Draw.Normal(1, n, width).to(dtype);
            using var loss = new GeometricConsistencyLoss(1, 1, augmentedWeight: 0);
            var result = loss.Evaluate(new(v), new(v.matmul(reflection.to(dtype))));
            result.Loss.to(ScalarType.Float64).item<double>().Should().BeInRange(0, dtype == ScalarType.Float32 ? 1e-4 : 1e-12);
            result.Terms.Should().OnlyContain(x => x.Value.to(ScalarType.Float64).item<double>() >= 0);
        }
    }

    [Theory]
    [InlineData(4, 6)]
    [InlineData(40, 6)]
    public void Mirrored_features_have_no_loss_at_all(int n, int width)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, n, width);
        using var loss = new GeometricConsistencyLoss();
        var result = loss.Evaluate(new(c.V, c.V), new(c.V, c.V));
        result.Loss.item<double>().Should().Be(0);
        Gradients.Of(result.Loss, c.V)[0].abs().max().item<double>().Should().Be(0);
    }

    [Fact]
    public void CyCLIPs_form_is_reachable_and_needs_no_augmentation()
    {
        using var scope = NewDisposeScope();
        var c = new Case(2, 6, 3, unit: true);
        using var loss = new GeometricConsistencyLoss(0.25, 0.25, augmentedWeight: 0);
        var across = c.V.matmul(c.T.t());
        var within = c.V.matmul(c.V.t()) - c.T.matmul(c.T.t());
        var expected = 0.25 * (((across - across.t()).pow(2).mean() * 6) + (within.pow(2).mean() * 6));
        loss.forward(new(c.V), new(c.T)).ShouldEqual(expected, 1e-12);
        using var whole = new GeometricConsistencyLoss();
        Refuses(() => whole.forward(new(c.V), c.Second), "GeometricConsistencyLoss needs the augmented features of the first modality");
        Refuses(() => new GeometricConsistencyLoss(0, 0, 0), "every weight is 0");
        Refuses(() => new GeometricConsistencyLoss(-1), "crossModalWeight must be at least 0 and finite but is -1");
    }

    /// <summary>src/train.py's get_loss (goel-shashank/CyCLIP, 707e7c7) with both lambdas 0.25 and a scale of 8 gave these figures.</summary>
    [Fact]
    public void CyCLIPs_own_code_gives_the_same_figures()
    {
        using var scope = NewDisposeScope();
        var (images, texts) = (PeerFigures.Rows(5, 1), PeerFigures.Rows(5, 2));
        using var loss = new CompositeLoss(
            ("clip", new MultimodalContrastiveLoss(new InfoNCELoss(Temperature.Fixed(1.0 / 8), ContrastMode.Symmetric), includeInModal: false), 1),
            ("cyclic", new GeometricConsistencyLoss(0.25, 0.25, augmentedWeight: 0), 1));
        var value = loss.forward(new(images), new(texts));
        PeerFigures.Check(
            value, [images, texts],
            5.137572783455,
            [-0.194651918582, 0.716527770654, -0.151677555153, 1.010164851416, -1.198896330448, 0.517834515891, 4.973243307599],
            [-0.382669542793, -0.505718035919, 0.792604840397, -0.642419224507, 0.150969720155, 0.318836869490, 2.090875978935]);
    }
}
