using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

/// <summary>What holds for every loss of two modalities.</summary>
public class AllLossesTests
{
    public static TheoryData<string> Names => [.. All.Select(x => x.Name)];

    // In the gamma loss u is held constant: differences of its value are no gradient. The core tests its steps apart.
    public static TheoryData<string> NamesButGamma => [.. All.Select(x => x.Name).Where(x => x != "gamma")];

    private static readonly (string Name, bool Swaps, Func<ModalityLoss> Create)[] All =
    [
        ("contrastive", true, () => new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric))),
        ("contrastive as printed", true, () => new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric), denominator: InModalDenominator.AsPrinted)),
        ("gamma", true, () => new MultimodalContrastiveLoss(new GammaContrastiveLoss(new BatchPartition(50), mode: ContrastMode.Symmetric))),
        ("separation", true, () => new FeatureSeparationLoss()),
        ("bridge", false, () => new BrownianBridgeLoss()),
        ("bridge of both", true, () => new BrownianBridgeLoss(side: BridgeSide.Both, likelihood: BridgeLikelihood.Gaussian)),
        ("consistency", true, () => new GeometricConsistencyLoss()),
        ("cross-modal InfoNCE alone", true, () => ModalityLoss.Of(new InfoNCELoss(mode: ContrastMode.Symmetric))),
        ("uniformity", true, () => new UniformityLoss()),
        ("a function", true, () => ModalityLoss.Of(batch => (batch.Unit(batch.First.Shared) - batch.Unit(batch.Second.Shared)).pow(2).sum(dim: 1).mean())),
        ("all", true, () => new CompositeLoss(
            ("contrastive", new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric)), 1),
            ("separation", new FeatureSeparationLoss(), 0.5),
            ("bridge", new BrownianBridgeLoss(side: BridgeSide.Both), 2),
            ("consistency", new GeometricConsistencyLoss(), 0.1))),
    ];

    private static ModalityLoss Create(string name) => All.Single(x => x.Name == name).Create();

    [Theory]
    [MemberData(nameof(NamesButGamma))]
    public void Gradients_match_finite_differences_for_every_input(string name)
    {
        FiniteDifferences(Create(name), 4, 3);
        FiniteDifferences(Create(name), 9, 2); // more than three items a feature: the Gram form
    }

    [Fact]
    public void Gradients_match_finite_differences_under_other_settings()
    {
        FiniteDifferences(new FeatureSeparationLoss(denominator: InModalDenominator.AsPrinted, kernelT: 0.7), 4, 3);
        FiniteDifferences(new BrownianBridgeLoss(BridgeTime.Fixed(0.6), BridgeSide.Second, BridgeLikelihood.Gaussian), 4, 3);
        FiniteDifferences(new GeometricConsistencyLoss(0.3, 1.7, 0.5, PairNormalization.Pairs), 4, 3);
        FiniteDifferences(new GeometricConsistencyLoss(0.3, 1.7, 0.5), 9, 2);
    }

    [Fact]
    public void Gradients_match_finite_differences_over_combinations_of_settings()
        => (from seed in Gen.Int[0, 1_000_000]
            from which in Gen.Int[0, 3]
            from n in Gen.Int[2, 4]
            from width in Gen.Int[1, 3]
            from first in Gen.Bool
            from second in Gen.Bool
            from choice in Gen.Int[0, 2]
            from weights in Gen.Int[1, 7]
            from tau in Gen.Double[0.3, 2]
            select (seed, which, n, width, first, second, choice, weights, tau)).Check(
            x =>
            {
                double Weight(int bit) => (x.weights & (1 << bit)) == 0 ? 0 : 0.4 + bit;
                var denominator = x.first ? InModalDenominator.Augmented : InModalDenominator.AsPrinted;
                var tiling = x.second ? new Tiling { Rows = 2, Columns = 2 } : new Tiling { DensePairs = long.MaxValue };
                var similarity = x.choice == 0 ? SimilarityMeasure.DotProduct : SimilarityMeasure.Cosine;
                ModalityLoss loss = x.which switch
                {
                    0 => new MultimodalContrastiveLoss(
                        Tiled(new InfoNCELoss(Temperature.Fixed(x.tau), ContrastMode.Symmetric, similarity, decoupled: x.choice == 1)),
                        x.choice == 2 ? Temperature.Fixed(1) : null,
                        denominator),
                    1 => Separation(),
                    2 => new BrownianBridgeLoss(
                        BridgeTime.Fixed(x.tau / 2.1),
                        (BridgeSide)x.choice,
                        x.first ? BridgeLikelihood.Gaussian : BridgeLikelihood.SquaredDistance),
                    _ => new GeometricConsistencyLoss(
                        Weight(0),
                        x.second ? Weight(0) : Weight(1),
                        x.weights % 4 == 0 || x.second ? 0.7 : Weight(2),
                        x.first ? PairNormalization.Items : PairNormalization.Pairs),
                };
                FiniteDifferences(loss, x.n, x.width, x.seed);

                InfoNCELoss Tiled(InfoNCELoss info)
                {
                    info.Tiling = tiling;
                    return info;
                }

                ModalityLoss Separation()
                {
                    var separation = new FeatureSeparationLoss(Temperature.Fixed(x.tau), denominator, Weight(0), Weight(1), Weight(2), x.tau);
                    separation.Tiling = tiling;
                    return separation;
                }
            },
            iterations: 40);

    private static void FiniteDifferences(ModalityLoss created, int n, int width, int seed = 1)
    {
        using var scope = NewDisposeScope();
        using var loss = created;
        var c = new Case(seed, n, width);
        Gradients.ShouldMatchFiniteDifferences(
            () => loss.forward(c.First, c.Second) + ((c.V.sum() + c.T.sum() + c.Vi.sum() + c.Ti.sum() + c.Via.sum() + c.Tia.sum() + c.Va.sum() + c.Ta.sum()) * 0),
            c.V, c.T, c.Va, c.Ta, c.Vi, c.Ti, c.Via, c.Tia);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Neither_a_rotation_of_the_space_nor_the_order_of_the_batch_nor_a_fair_swap_matters(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var n in new[] { 3, 20 })
        {
            var c = new Case(n, n, 4);
            using var loss = Create(name);
            var expected = loss.forward(c.First, c.Second);
            var rotation = Case.Rotation(9, 4);
            loss.forward(Case.Map(c.First, x => x.matmul(rotation)), Case.Map(c.Second, x => x.matmul(rotation))).ShouldEqual(expected);
            var order = randperm(n, generator: new Generator(3));
            loss.forward(Case.Map(c.First, x => x[order]), Case.Map(c.Second, x => x[order])).ShouldEqual(expected);
            loss.forward(Case.Map(c.First, x => x * 3), Case.Map(c.Second, x => x * 0.2)).ShouldEqual(expected);
            if (All.Single(x => x.Name == name).Swaps) loss.forward(c.Second, c.First).ShouldEqual(expected);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_is_the_loss_of_Evaluate_with_and_without_sample_ids(string name)
    {
        using var scope = NewDisposeScope();
        using var loss = Create(name);
        var c = new Case(2, 6, 3);
        var ids = tensor(new long[] { 0, 1, 2, 0, 4, 5 });
        loss.forward(c.First, c.Second).ShouldEqual(loss.Evaluate(c.First, c.Second).Loss, 0);
        var withIds = loss.forward(c.First, c.Second, ids);
        withIds.ShouldEqual(loss.Evaluate(c.First, c.Second, ids).Loss, 0);
        var excludes = name is not ("bridge" or "bridge of both" or "consistency" or "uniformity" or "a function");
        withIds.IsSameAs(loss.forward(c.First, c.Second)).Should().Be(!excludes, "items of one sample are no negatives");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_terms_add_up_to_the_total(string name)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 5, 3);
        using var loss = Create(name);
        var result = loss.Evaluate(c.First, c.Second);
        result.Terms.Should().NotBeEmpty();
        result.Terms.Select(x => x.Name).Should().OnlyHaveUniqueItems();
        result.Terms.Should().OnlyContain(x => !x.Value.requires_grad && x.Value.dim() == 0);
        if (name != "gamma")
            result.Terms.Sum(x => x.Weight * x.Value.item<double>()).Should().BeApproximately(result.Loss.item<double>(), 1e-12);
        FluentActions.Invoking(() => result["nothing"]).Should().Throw<KeyNotFoundException>().WithMessage($"*{result.Terms[0].Name}*");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Half_precision_zero_rows_two_items_and_views_are_all_right(string name)
    {
        foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64 })
        {
            using var scope = NewDisposeScope();
            var c = new Case(1, 2, 4);
            var zero = c.V.detach().clone();
            zero[1] = zeros(4, dtype: ScalarType.Float64);
            var leaf = zero.to(dtype).detach().requires_grad_();
            ModalityFeatures To(ModalityFeatures x) => Case.Map(x, y => y.detach().to(dtype));
            using var loss = Create(name);
            var value = loss.forward(To(c.First) with { Shared = leaf }, To(c.Second));
            value.dtype.Should().Be(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);
            value.ShouldBeFinite();
            Gradients.Of(value, leaf)[0].ShouldBeFinite();

            var plain = loss.forward(To(c.First), To(c.Second));
            loss.forward(Case.Map(To(c.First), x => x.t().contiguous().t()), Case.Map(To(c.Second), x => x.t().contiguous().t()))
                .ShouldEqual(plain, 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NaN_shows_or_is_refused_where_it_would_reach_a_state(string name)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 4);
        var broken = c.V.detach().clone();
        broken[1, 1] = double.NaN;
        using var loss = Create(name);
        Tensor Evaluate() => loss.forward(c.First with { Shared = broken }, c.Second);
        if (name == "gamma") Refuses(Evaluate, "anchors are not finite in row 1");
        else Evaluate().isnan().item<bool>().Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void One_item_has_a_value_or_is_refused_for_want_of_a_negative(string name)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 1, 4);
        using var loss = Create(name);
        if (name is "separation" or "all" || name.StartsWith("contrastive", StringComparison.Ordinal) || name.StartsWith("cross", StringComparison.Ordinal) || name == "gamma")
            Refuses(() => loss.forward(c.First, c.Second), "negative");
        else if (name == "uniformity") Refuses(() => loss.forward(c.First, c.Second), "x must have at least 2 rows but has 1");
        else
        {
            var value = loss.forward(c.First, c.Second);
            value.ShouldBeFinite();
            Gradients.Of(value, c.V)[0].ShouldBeFinite();
        }
    }

    [Fact]
    public void NaN_shows_in_whatever_features_it_is()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 4);
        var broken = c.V.detach().clone();
        broken[1, 1] = double.NaN;
        foreach (var name in All.Select(x => x.Name).Where(name => name != "gamma"))
        {
            using var loss = Create(name);
            foreach (var (first, isUsed) in new[]
            {
                (c.First with { Augmented = broken }, name is "contrastive" or "contrastive as printed" or "bridge" or "bridge of both" or "consistency" or "all"),
                (c.First with { Independent = broken }, name is "separation" or "all"),
                (c.First with { IndependentAugmented = broken }, name is "separation" or "all"),
            })
            {
                loss.forward(first, c.Second).isnan().item<bool>().Should().Be(isUsed, name);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Tensors_that_do_not_fit_are_refused_by_name(string name)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 4);
        using var loss = Create(name);
        Refuses(() => loss.forward(c.First with { Augmented = Draw.Normal(1, 2, 4) }, c.Second), "first.Shared have 3 rows but first.Augmented have 2");
        Refuses(() => loss.forward(c.First, c.Second with { Independent = Draw.Normal(1, 3, 5) }), "second.Shared have 4 features but second.Independent have 5");
        Refuses(() => loss.forward(c.First, c.Second with { Shared = c.T.to(ScalarType.Float32) }), "second.Shared are Float32 but second.Augmented are Float64");
        Refuses(() => loss.forward(c.First, Case.Map(c.Second, x => x.narrow(0, 0, 2))), "first.Shared have 3 rows but second.Shared have 2");
        Refuses(() => loss.forward(c.First with { Shared = ones(3) }, c.Second), "first.Shared must have the shape (N, D) but has (3)");
        Refuses(() => loss.forward(Case.Map(c.First, x => x.narrow(0, 0, 0)), Case.Map(c.Second, x => x.narrow(0, 0, 0))), "first.Shared has no rows");
        Refuses(() => loss.forward(c.First, c.Second with { Independent = zeros(3, 4, dtype: ScalarType.Int64) }), "second.Independent must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => loss.forward(c.First with { Augmented = OnMeta(3, 4) }, c.Second), "first.Shared are on cpu but first.Augmented are on meta");
        Refuses(() => loss.forward(c.First, Case.Map(c.Second, _ => OnMeta(3, 4))), "first.Shared are on cpu but second.Shared are on meta");
        Refuses(() => loss.forward(c.First, c.Second, ones(3)), "sampleIds must be integers but are Float32");
        Refuses(() => loss.forward(c.First, c.Second, arange(4)), "sampleIds must have the shape (3) but have (4)");
        Refuses(() => loss.forward(c.First, c.Second, empty(3, dtype: ScalarType.Int64, device: META)), "first.Shared are on cpu but sampleIds are on meta");
        FluentActions.Invoking(() => loss.forward(null!, c.Second)).Should().Throw<ArgumentNullException>();

        static Tensor OnMeta(long rows, long width) => empty(rows, width, dtype: ScalarType.Float64, device: META);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Steps_leave_no_tensor_behind(string name)
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        var (first, second) = (c.First, c.Second);
        using var loss = Create(name);
        // A scope around the test holds the inputs; within it, nothing may be added.
        TensorCount.ShouldStay(() =>
        {
            using var result = loss.Evaluate(first, second);
            result.Loss.backward();
            loss.forward(first, second).Dispose();
        });
    }

    [Fact]
    public void A_composite_moves_the_state_of_all_its_parts_or_of_none()
    {
        using var scope = NewDisposeScope();
        using var loss = new CompositeLoss(("large", Of(9), 1), ("larger", Of(10), 1), ("small", Of(3), 1));
        var features = new Case(1, 4, 3);
        loss.Evaluate(features.First, features.Second, arange(3).repeat(2).narrow(0, 0, 4));
        var before = Saved.Of(loss);
        Refuses(() => loss.Evaluate(features.First, features.Second, arange(4)), "must lie in [0, 2] but reach from 0 to 3");
        Saved.Of(loss).Should().Equal(before);

        static ModalityLoss Of(long samples) => new MultimodalContrastiveLoss(
            new GammaContrastiveLoss(new PartitionTable(samples), mode: ContrastMode.Symmetric), includeInModal: false);
    }

    [Fact]
    public void A_composite_names_its_parts_and_carries_their_state()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        using var loss = new CompositeLoss(
            ("contrastive", new MultimodalContrastiveLoss(new GammaContrastiveLoss(new PartitionTable(9), Temperature.Learned(), ContrastMode.Symmetric)), 1),
            ("bridge", new BrownianBridgeLoss(), 0.5),
            ("off", new FeatureSeparationLoss(), 0));
        var result = loss.Evaluate(c.First, c.Second, arange(4));
        result.Terms.Select(x => (x.Name, x.Weight)).Should().Contain(("bridge.first", 0.5)).And.NotContain(x => x.Name.StartsWith("off", StringComparison.Ordinal));
        loss.Evaluate(new(c.V, c.Va), new(c.T, c.Ta), arange(4)).Terms.Should().HaveCount(result.Terms.Count, "a part of weight 0 needs nothing");
        loss.state_dict().Keys.Should().Contain("contrastive.cross_modal.estimator.visits");
        loss.parameters().Should().HaveCount(1);

        using var nested = new CompositeLoss(("inner", loss, 2), ("separation", new FeatureSeparationLoss(), 1));
        var outer = nested.Evaluate(c.First, c.Second, arange(4));
        outer.Terms.Select(x => (x.Name, x.Weight)).Should().Contain(("inner.bridge.first", 1.0)).And.Contain(("inner.contrastive.in_modal.first", 0.5));
        loss.state_dict()["contrastive.cross_modal.estimator.visits"].max().item<long>().Should().Be(3);

        using var lacking = new CompositeLoss(
            ("contrastive", new MultimodalContrastiveLoss(loss.children().OfType<MultimodalContrastiveLoss>().Single().CrossModal), 1),
            ("separation", new FeatureSeparationLoss(), 1));
        Refuses(() => lacking.Evaluate(c.First, new(c.T, c.Ta), arange(4)), "FeatureSeparationLoss needs the independent features of the second modality");
        loss.state_dict()["contrastive.cross_modal.estimator.visits"].max().item<long>().Should().Be(3, "nothing has changed");

        // A part without state that fails does so before one with state is touched, whatever their order.
        using var ordered = new CompositeLoss(
            ("contrastive", new MultimodalContrastiveLoss(new GammaContrastiveLoss(new PartitionTable(9), mode: ContrastMode.Symmetric), includeInModal: false), 1),
            ("separation", new FeatureSeparationLoss(), 1));
        var one = Case.Map(c.First, x => x.narrow(0, 0, 1));
        Refuses(() => ordered.Evaluate(one, Case.Map(c.Second, x => x.narrow(0, 0, 1)), arange(1)), "no negative");
        Refuses(() => ordered.Evaluate(c.First with { Independent = c.Vi * double.NaN }, c.Second, arange(9, 13)), "sampleIds must lie in [0, 8]");
        ordered.state_dict()["contrastive.cross_modal.estimator.visits"].max().item<long>().Should().Be(0);

        Refuses(() => new CompositeLoss(), "parts are empty");
        Refuses(() => new CompositeLoss(("a", new BrownianBridgeLoss(), 0)), "every weight is 0");
        Refuses(() => new BrownianBridgeLoss(side: (BridgeSide)9), "side must be one of First, Second, Both but is 9");
        Refuses(() => new CompositeLoss(("a", new BrownianBridgeLoss(), 1), ("a", new BrownianBridgeLoss(), 1)), "two parts are named 'a'");
        Refuses(() => new CompositeLoss(("a.b", new BrownianBridgeLoss(), 1)), "has a dot");
        Refuses(() => new CompositeLoss(("a", new BrownianBridgeLoss(), -1)), "the weight of 'a' must be at least 0 and finite but is -1");
    }
}
