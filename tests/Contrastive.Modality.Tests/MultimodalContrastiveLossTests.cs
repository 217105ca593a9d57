using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class MultimodalContrastiveLossTests
{
    [Fact]
    public void A_tower_frozen_in_inference_mode_is_contrasted_as_any()
    {
        foreach (var measure in Enum.GetValues<SimilarityMeasure>())
        {
            foreach (var denominator in Enum.GetValues<InModalDenominator>())
            {
                using var scope = NewDisposeScope();
                var features = new Case(1, 5, 3);
                ModalityFeatures frozen;
                using (inference_mode()) frozen = new ModalityFeatures(features.T.clone(), features.Ta.clone());
                using var loss = new MultimodalContrastiveLoss(
                    new InfoNCELoss(Temperature.Learned(0.3), ContrastMode.Symmetric, measure), denominator: denominator);
                var (actual, expected) = (loss.forward(features.First, frozen), loss.forward(features.First, features.Second));
                actual.ShouldEqual(expected, 1e-12);
                Gradients.Of(actual, features.V)[0].ShouldEqual(Gradients.Of(expected, features.V)[0], 1e-12);
            }
        }
    }

    [Fact]
    public void It_is_the_mean_of_the_four_contrasts_usual_and_as_printed()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[2, 5]
            from width in Gen.Int[1, 4]
            from tau in Gen.Double[0.1, 2]
            from denominator in Gen.Enum<InModalDenominator>()
            select (seed, n, width, tau, denominator)).Check(x =>
        {
            var c = new Case(x.seed, x.n, x.width);
            using var loss = new MultimodalContrastiveLoss(
                new InfoNCELoss(Temperature.Fixed(x.tau), ContrastMode.Symmetric), denominator: x.denominator);
            Gradients.ShouldAgree(
                () => loss.forward(c.First, c.Second),
                () =>
                {
                    var (v, t, va, ta) = (Case.Unit(c.V), Case.Unit(c.T), Case.Unit(c.Va), Case.Unit(c.Ta));
                    var usual = x.denominator == InModalDenominator.Augmented;
                    return (Reference.Contrast(v, t, t, x.tau) + Reference.Contrast(t, v, v, x.tau)
                        + Reference.Contrast(v, va, usual ? va : v, x.tau) + Reference.Contrast(t, ta, usual ? ta : t, x.tau)) / 4;
                },
                1e-10, c.V, c.T, c.Va, c.Ta);
        });

    [Fact]
    public void As_printed_it_goes_in_tiles_and_gives_the_numbers_of_the_formula()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 9]
            from width in Gen.Int[1, 4]
            from tau in Gen.Double[0.05, 0.9]
            from rows in Gen.Int[1, 5]
            from columns in Gen.Int[1, 5]
            from keeps in Gen.Bool
            from similarity in Gen.Enum<SimilarityMeasure>()
            select (seed, n, width, tau, rows, columns, keeps, similarity)).Check(x =>
        {
            var c = new Case(x.seed, x.n, x.width);
            using var temperature = Temperature.Learned(x.tau);
            temperature.to(ScalarType.Float64);
            var tiling = new Tiling { Rows = x.rows, Columns = x.columns, MemoryBudget = x.keeps ? 256L << 20 : 0 };
            using var loss = new MultimodalContrastiveLoss(
                new InfoNCELoss(temperature, ContrastMode.Symmetric, x.similarity, missingPairs: MissingPairs.Skip) { Tiling = tiling },
                denominator: InModalDenominator.AsPrinted);
            Tensor Rows(Tensor features) => x.similarity == SimilarityMeasure.Cosine ? Case.Unit(features) : features;
            Gradients.ShouldAgree(
                () => InModal(loss) + (c.T.sum() * 0),
                () => (Plain(c.V, c.Va) + Plain(c.T, c.Ta)) / 4,
                1e-10, c.V, c.T, c.Va, c.Ta, temperature.parameters().Single());

            // The formula as it reads, on the whole matrix.
            Tensor Plain(Tensor features, Tensor positives)
            {
                var (v, p, scale) = (Rows(features), Rows(positives), temperature.parameters().Single().exp());
                return ((v.matmul(v.t()) * scale).exp().sum(dim: 1).log() - ((v * p).sum(dim: 1) * scale)).mean();
            }

            Tensor InModal(MultimodalContrastiveLoss all)
                => all.forward(c.First, c.Second) - (0.5 * all.CrossModal.forward(c.V, c.T));
        });

    [Fact]
    public void As_printed_no_matrix_of_pairs_is_formed_unless_it_is_asked_for()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 6, 3);
        foreach (var (tiling, dense) in new[] { (Tiling.Default, false), (new Tiling { DensePairs = long.MaxValue }, true) })
        {
            using var contrastive = new MultimodalContrastiveLoss(
                new InfoNCELoss(mode: ContrastMode.Symmetric) { Tiling = tiling }, denominator: InModalDenominator.AsPrinted);
            using var separation = new FeatureSeparationLoss(denominator: InModalDenominator.AsPrinted, orthogonalityWeight: 0, uniformityWeight: 0);
            separation.Tiling = tiling;
            Second(contrastive.forward(c.First, c.Second), c.Va).isfinite().all().item<bool>().Should().Be(dense, "tiles can be differentiated once");
            Second(separation.forward(c.First, c.Second), c.Vi).isfinite().all().item<bool>().Should().Be(dense);
        }

        static Tensor Second(Tensor loss, Tensor by)
        {
            var gradient = autograd.grad([loss], [by], retain_graph: true, create_graph: true)[0];
            return autograd.grad([gradient.sum()], [by])[0];
        }
    }

    [Fact]
    public void With_the_gamma_loss_the_cross_modal_term_reports_its_objective_and_takes_its_gradient()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var info = new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric));
        using var gamma = new MultimodalContrastiveLoss(new GammaContrastiveLoss(new BatchPartition(), mode: ContrastMode.Symmetric));
        var result = gamma.Evaluate(c.First, c.Second);
        var expected = info.Evaluate(c.First, c.Second);
        result["cross_modal"].ShouldEqual(expected["cross_modal"]);
        result.Loss.item<double>().Should().NotBeApproximately(expected.Loss.item<double>(), 1e-3, "the augmented loss has a value of its own");
        Gradients.Of(result.Loss, c.V)[0].ShouldEqual(Gradients.Of(expected.Loss, c.V)[0]);
    }

    [Fact]
    public void The_gamma_losss_state_and_a_shared_temperature_are_the_modules()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var loss = new MultimodalContrastiveLoss(
            new GammaContrastiveLoss(new PartitionTable(9), Temperature.Learned(), ContrastMode.Symmetric));
        loss.parameters().Should().HaveCount(1, "the in-modal parts share the temperature");
        loss.Evaluate(c.First, c.Second, arange(4));
        loss.state_dict()["cross_modal.estimator.visits"].sum(ScalarType.Int64).item<long>().Should().Be(4);
    }

    [Fact]
    public void In_modal_parts_may_have_a_temperature_of_their_own()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var loss = new MultimodalContrastiveLoss(
            new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.Symmetric), inModalTemperature: Temperature.Fixed(0.9));
        var result = loss.Evaluate(c.First, c.Second);
        var (v, t, va, ta) = (Case.Unit(c.V), Case.Unit(c.T), Case.Unit(c.Va), Case.Unit(c.Ta));
        result["cross_modal"].ShouldEqual((Reference.Contrast(v, t, t, 0.2) + Reference.Contrast(t, v, v, 0.2)) / 2);
        result["in_modal.first"].ShouldEqual(Reference.Contrast(v, va, va, 0.9));
        result["in_modal.second"].ShouldEqual(Reference.Contrast(t, ta, ta, 0.9));
    }

    [Fact]
    public void Without_in_modal_parts_it_is_the_cross_modal_loss_and_needs_no_augmentation()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        var cross = new InfoNCELoss(mode: ContrastMode.Symmetric);
        using var loss = new MultimodalContrastiveLoss(cross, includeInModal: false);
        loss.forward(new(c.V), new(c.T)).ShouldEqual(cross.forward(c.V, c.T), 0);
        using var whole = new MultimodalContrastiveLoss(cross);
        Refuses(() => whole.forward(c.First, new(c.T)), "MultimodalContrastiveLoss needs the augmented features of the second modality: second.Augmented is null");
        Refuses(() => new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric, reduction: nn.Reduction.Sum)), "crossModal must have the reduction Mean, as the other parts, but has Sum");
        Refuses(() => new MultimodalContrastiveLoss(new InfoNCELoss()), "crossModal must have the mode Symmetric, as L_Con has both directions, but has OneDirection");
        Refuses(() => new MultimodalContrastiveLoss(new GammaContrastiveLoss(new BatchPartition())), "crossModal must have the mode Symmetric, as L_Con has both directions, but has OneDirection");
    }

    [Fact]
    public void Similarity_and_missing_pairs_of_the_cross_modal_loss_hold_for_all_parts()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        foreach (var denominator in Enum.GetValues<InModalDenominator>())
        {
            using var dot = new MultimodalContrastiveLoss(
                new InfoNCELoss(Temperature.Fixed(2.0), ContrastMode.Symmetric, SimilarityMeasure.DotProduct, missingPairs: MissingPairs.Skip), denominator: denominator);
            var candidates = denominator == InModalDenominator.Augmented ? c.Va : c.V;
            dot.Evaluate(c.First, c.Second)["in_modal.first"].ShouldEqual(Reference.Contrast(c.V, c.Va, candidates, 2.0));
            ModalityFeatures One(ModalityFeatures x) => Case.Map(x, y => y.narrow(0, 0, 1));
            dot.forward(One(c.First), One(c.Second)).ShouldBeFinite();
        }
        var tiling = new Tiling { Rows = 3, Columns = 4 };
        using var tiled = new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric) { Tiling = tiling });
        var gradient = autograd.grad([tiled.forward(c.First, c.Second)], [c.Va], retain_graph: true, create_graph: true)[0];
        autograd.grad([gradient.sum()], [c.Va])[0].isfinite().any().item<bool>().Should().BeFalse("tiles can be differentiated once, in-modal ones too");
        using var separation = new FeatureSeparationLoss(missingPairs: MissingPairs.Skip);
        separation.forward(Case.Map(c.First, y => y.narrow(0, 0, 1)), Case.Map(c.Second, y => y.narrow(0, 0, 1))).ShouldBeFinite();
    }

    [Fact]
    public void Anchors_that_are_skipped_are_counted_term_by_term()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 4);
        // Samples 7, 7 and 7: nobody has a negative. 7, 7 and 8: each has one.
        var (none, some) = (tensor(new long[] { 7, 7, 7 }), tensor(new long[] { 7, 7, 8 }));
        foreach (var cross in new ContrastiveLoss[]
        {
            new InfoNCELoss(mode: ContrastMode.Symmetric, missingPairs: MissingPairs.Skip),
            new GammaContrastiveLoss(new BatchPartition(9), mode: ContrastMode.Symmetric, missingPairs: MissingPairs.Skip),
        })
        {
            using var loss = new MultimodalContrastiveLoss(cross);
            var result = loss.Evaluate(c.First, c.Second, none);
            result.Terms.Select(term => (term.Name, term.SkippedAnchors)).Should().BeEquivalentTo(
                [("cross_modal", 6L), ("in_modal.first", 3L), ("in_modal.second", 3L)]);
            result.SkippedAnchors.Should().Be(12);
            loss.Evaluate(c.First, c.Second, some).SkippedAnchors.Should().Be(0);
            using var printed = new MultimodalContrastiveLoss(cross, denominator: InModalDenominator.AsPrinted);
            printed.Evaluate(c.First, c.Second, none).SkippedAnchors.Should().Be(6, "as printed, every anchor has a denominator");
        }

        using var composite = new CompositeLoss(
            ("contrastive", new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric, missingPairs: MissingPairs.Skip)), 0.5),
            ("separation", new FeatureSeparationLoss(missingPairs: MissingPairs.Skip), 1),
            ("bridge", new BrownianBridgeLoss(), 1));
        using var nested = new CompositeLoss(("all", composite, 1));
        var all = nested.Evaluate(c.First, c.Second, none);
        all.SkippedAnchors.Should().Be(18);
        all.Terms.Where(term => term.SkippedAnchors > 0).Select(term => (term.Name, term.SkippedAnchors)).Should().BeEquivalentTo(
        [
            ("all.contrastive.cross_modal", 6L), ("all.contrastive.in_modal.first", 3L), ("all.contrastive.in_modal.second", 3L),
            ("all.separation.contrast.first", 3L), ("all.separation.contrast.second", 3L),
        ]);
    }

    [Fact]
    public void As_printed_the_loss_of_unit_rows_is_never_negative_and_that_of_dot_products_can_be()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 5]
            from tau in Gen.Double[0.01, 2]
            select (seed, n, tau)).Check(x =>
        {
            var c = new Case(x.seed, x.n, 3);
            Tensor InModal(SimilarityMeasure similarity, Tensor augmented)
            {
                using var loss = new MultimodalContrastiveLoss(
                    new InfoNCELoss(Temperature.Fixed(x.tau), ContrastMode.Symmetric, similarity, missingPairs: MissingPairs.Skip),
                    denominator: InModalDenominator.AsPrinted);
                return loss.Evaluate(c.First with { Augmented = augmented }, c.Second)["in_modal.first"];
            }

            InModal(SimilarityMeasure.Cosine, c.Va).item<double>().Should().BeGreaterThanOrEqualTo(-1e-12);
            InModal(SimilarityMeasure.Cosine, c.V).item<double>().Should().BeGreaterThanOrEqualTo(-1e-12);
            InModal(SimilarityMeasure.DotProduct, c.V * 100).item<double>().Should().BeNegative();
        });
}
