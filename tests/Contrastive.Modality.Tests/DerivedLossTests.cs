using Contrastive.Modality.Outside;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

/// <summary>Losses that users bring: classes derived in an assembly without internals, other modules, functions.</summary>
public class DerivedLossTests
{
    private static readonly long[] OneOfEach = [0, 1, 2, 3];

    [Fact]
    public void A_loss_derived_outside_has_named_terms_skipped_anchors_parameters_and_state()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var loss = new AgreementLoss();
        var result = loss.Evaluate(c.First, c.Second, tensor(new long[] { 7, 7, 7, 7 }));
        result.Terms.Select(term => (term.Name, term.Weight, term.SkippedAnchors)).Should().Equal(("distance", 2.0, 0L), ("contrast", 0.5, 4L));
        result.SkippedAnchors.Should().Be(4);
        result.Terms.Should().OnlyContain(term => ReferenceEquals(term.Loss, null) && !term.Value.requires_grad);
        result["distance"].ShouldEqual((Case.Unit(c.V) - Case.Unit(c.T)).pow(2).sum(dim: 1).mean());
        result["contrast"].item<double>().Should().Be(0, "nobody has a negative");
        loss.Steps.Should().Be(1);

        result = loss.Evaluate(c.First, c.Second, tensor(OneOfEach));
        result["contrast"].ShouldEqual(Reference.Contrast(Case.Unit(c.V), Case.Unit(c.Va), Case.Unit(c.Va), 0.1));
        result.Loss.ShouldEqual((2 * result["distance"]) + (0.5 * result["contrast"]));
        loss.forward(c.First, c.Second).ShouldEqual(result.Loss, 0);
        Gradients.ShouldMatchFiniteDifferences(() => loss.forward(c.First, c.Second), c.V, c.T, c.Va, loss.parameters().Single());
        Refuses(() => loss.Evaluate(new(c.V), c.Second), "AgreementLoss needs the augmented features of the first modality: first.Augmented is null");
        TensorCount.ShouldStay(() =>
        {
            using var step = loss.Evaluate(c.First, c.Second);
            step.Loss.backward();
        });
    }

    [Fact]
    public void A_composite_takes_losses_of_any_kind_each_with_its_weight()
    {
        using var scope = NewDisposeScope();
        var c = new Case(2, 6, 3);
        var ids = tensor(new long[] { 0, 0, 1, 2, 3, 4 });
        using var own = new AgreementLoss();
        using var info = new InfoNCELoss(mode: ContrastMode.Symmetric, missingPairs: MissingPairs.Skip);
        using var uniformity = new UniformityLoss(1.5);
        using var distance = nn.MSELoss();
        using var loss = new CompositeLoss(
            ("contrastive", info, 1),
            ("uniformity", uniformity, 0.3),
            ("own", own, 0.5),
            ("distance", distance, 0.7),
            ("norms", ModalityLoss.Of(batch => batch.First.Shared.mul(batch.Second.Shared).mean()), 2));
        var result = loss.Evaluate(c.First, c.Second, ids);
        result.Terms.Select(term => (term.Name, term.Weight)).Should().Equal(
            ("contrastive.cross_modal", 1.0), ("uniformity.first", 0.15), ("uniformity.second", 0.15),
            ("own.distance", 1.0), ("own.contrast", 0.25), ("distance.cross_modal", 0.7), ("norms.value", 2.0));
        Gradients.ShouldAgree(
            () => loss.forward(c.First, c.Second, ids),
            () => info.forward(c.V, c.T, ids) + (0.15 * (uniformity.forward(c.V) + uniformity.forward(c.T)))
                + (0.5 * own.forward(c.First, c.Second, ids)) + (0.7 * (c.V - c.T).pow(2).mean()) + (2 * (c.V * c.T).mean()),
            1e-12, c.V, c.T, c.Va);
        loss.Evaluate(c.First, c.Second, zeros(6, dtype: ScalarType.Int64)).SkippedAnchors.Should().Be(18, "of the contrast in both directions, and of the derived loss");
        loss.parameters().Should().ContainSingle("the derived loss's scale");
    }

    [Fact]
    public void A_part_or_term_of_weight_0_is_not_evaluated()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var off = new ProbeLoss(_ => throw new InvalidOperationException("it has weight 0"));
        using var on = new ProbeLoss(_ => ModalityResult.Sum(
            new ModalityTerm("zero", 0, tensor(double.NaN)), new ModalityTerm("one", 1, c.V.sum())));
        using var loss = new CompositeLoss(
            ("off", off, 0), ("function", ModalityLoss.Of(_ => throw new InvalidOperationException("so has this")), 0), ("on", on, 1));
        var result = loss.Evaluate(c.First, c.Second);
        (off.Evaluations, on.Evaluations).Should().Be((0, 1));
        result.Terms.Select(term => term.Name).Should().Equal("on.one");
        result.Loss.ShouldBeFinite();
    }

    [Fact]
    public void The_losses_of_a_step_share_the_unit_rows_of_its_features()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var left = Probe();
        using var right = Probe();
        using var loss = new CompositeLoss(("left", left, 1), ("inner", new CompositeLoss(("right", right, 1)), 1));
        var result = loss.Evaluate(c.First, c.Second);
        left.UnitOfFirst.Should().BeSameAs(right.UnitOfFirst);
        left.Seen.Should().BeSameAs(right.Seen);
        left.UnitOfFirst!.IsInvalid.Should().BeTrue("it goes with the step");
        result.Loss.ShouldEqual(2 * Case.Unit(c.V).sum());
        Gradients.Of(result.Loss, c.V)[0].ShouldEqual(Gradients.Of(2 * Case.Unit(c.V).sum(), c.V)[0]);

        // Whoever asks first, in whatever scope or mode, the rows are the step's.
        using var careless = new ProbeLoss(batch =>
        {
            using (NewDisposeScope())
            using (no_grad()) _ = batch.Unit(batch.Second.Shared);
            return ModalityResult.Sum(new ModalityTerm("sum", 1, batch.Unit(batch.Second.Shared).pow(3).sum()));
        });
        careless.forward(c.First, c.Second).requires_grad.Should().BeTrue();
        Gradients.ShouldAgree(() => careless.forward(c.First, c.Second), () => Case.Unit(c.T).pow(3).sum(), 1e-12, c.T);
        using (no_grad()) careless.forward(c.First, c.Second).requires_grad.Should().BeFalse();

        static ProbeLoss Probe() => new(batch => ModalityResult.Sum(new ModalityTerm("sum", 1, batch.Unit(batch.First.Shared).sum())));
    }

    [Fact]
    public void A_failing_part_leaves_the_state_of_all_as_it_was()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var own = new AgreementLoss();
        using var table = new PartitionTable(4);
        using var last = new CompositeLoss(
            ("own", own, 1),
            ("gamma", new GammaContrastiveLoss(table, mode: ContrastMode.Symmetric), 1));
        last.Evaluate(c.First, c.Second, tensor(OneOfEach));
        own.Steps.Should().Be(1);
        var before = Saved.Of(last);
        Refuses(() => last.Evaluate(c.First, c.Second, tensor(OneOfEach) + 1), "must lie in [0, 3] but reach from 1 to 4");
        Saved.Of(last).Should().Equal(before);
        using var fails = new CompositeLoss(("own", own, 1), ("function", ModalityLoss.Of(_ => throw new InvalidOperationException("no")), 1));
        fails.Invoking(loss => loss.Evaluate(c.First, c.Second)).Should().Throw<InvalidOperationException>().WithMessage("no");
        own.Steps.Should().Be(1);
    }

    [Fact]
    public void What_is_no_loss_of_a_step_is_refused()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        var (a, one) = (new ModalityTerm("a", 1, c.V.sum()), ones([]));
        Refuses(() => Run(_ => ModalityResult.Sum()), "there is no term of a weight other than 0");
        Refuses(() => Run(_ => ModalityResult.Sum(a with { Weight = 0 })), "there is no term of a weight other than 0");
        Refuses(() => Run(_ => ModalityResult.Sum(a with { Value = c.V })), "the term 'a' must be a scalar but has the shape (4, 3)");
        Refuses(() => Run(_ => ModalityResult.Sum(a with { Loss = c.V })), "the loss of the term 'a' must be a scalar but has the shape (4, 3)");
        Refuses(() => Run(_ => ModalityResult.Sum(a with { Value = zeros([], dtype: ScalarType.Int64) })), "the term 'a' must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => Run(_ => ModalityResult.Sum(a with { Weight = double.NaN })), "the weight of the term 'a' must be finite but is NaN");
        Refuses(() => Run(_ => ModalityResult.Sum(a, a)), "two terms are named 'a'");
        Refuses(() => Run(_ => ModalityResult.Sum(a with { Name = " " })), "Name");
        Refuses(() => new ModalityResult(c.V, [a]), "loss must be a scalar but has the shape (4, 3)");
        new ModalityResult(one, []).SkippedAnchors.Should().Be(0);
        Refuses(() => ModalityLoss.Of(batch => batch.First.Shared).Evaluate(c.First, c.Second), "the term 'value' must be a scalar");
        Refuses(() => ModalityLoss.Of(new InfoNCELoss(reduction: nn.Reduction.None)), "loss must have the reduction Mean or Sum, as a step has one value, but has None");
        FluentActions.Invoking(() => ModalityLoss.Of((Func<ModalityBatch, Tensor>)null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => ModalityLoss.Of((UniformityLoss)null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => ModalityLoss.Of((InfoNCELoss)null!)).Should().Throw<ArgumentNullException>();

        void Run(Func<ModalityBatch, ModalityResult> compute)
        {
            using var loss = new ProbeLoss(compute);
            loss.Evaluate(c.First, c.Second);
        }
    }
}
