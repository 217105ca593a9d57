using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>The edges of the sigmoid loss, of the matrix formed at once and of the same in tiles.</summary>
public abstract class SigmoidEdgeTests(Tiling tiling)
{
    [Fact]
    public void One_pair_is_a_loss_and_so_is_an_anchor_without_a_positive_or_a_negative()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Leaf(1, 1, 3);
        using var loss = Loss();
        loss.forward(a, a).item<double>().Should().BeApproximately(Math.Log(2), 1e-6, "10 · 1 - 10 = 0");
        var result = loss.Evaluate(a, a, null, PairMap.Negatives(1, 1));
        result.Loss.item<double>().Should().BeApproximately(Math.Log(2), 1e-6);
        result.SkippedAnchors.Should().Be(0);
        result.Objective.requires_grad.Should().BeFalse();

        var nothing = loss.forward(a, a, null, PairMap.Diagonal(1).Exclude(ones(1, 1, dtype: ScalarType.Bool)));
        nothing.item<double>().Should().Be(0);
        Gradients.Of(nothing, a)[0].ShouldEqual(zeros_like(a), 0);
    }

    [Fact]
    public void An_excluded_pair_of_any_similarity_has_no_part()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 3), Draw.Leaf(2, 3, 3));
        var mask = zeros(3, 3, dtype: ScalarType.Bool);
        mask[1, 1] = mask[0, 2] = true;
        using var loss = Loss(reduction: nn.Reduction.Sum);
        var bias = zeros(3, 3, dtype: ScalarType.Float64);
        bias[0, 2] = double.NegativeInfinity;
        var expected = loss.forward(a, b, null, PairMap.Diagonal(3).Exclude(mask));
        var own = Gradients.Of(expected, a, b);
        var other = loss.forward(a, b, null, PairMap.Diagonal(3).WithLogitBias(bias))
            - loss.SumPairs(a.narrow(0, 1, 1), b.narrow(0, 1, 1), PairMap.Diagonal(1));
        expected.ShouldEqual(other, 1e-12);
        var found = Gradients.Of(other, a, b);
        for (var i = 0; i < 2; i++) own[i].ShouldEqual(found[i], 1e-12);
    }

    [Fact]
    public void Zero_rows_have_similarity_zero_and_no_gradient()
    {
        using var scope = NewDisposeScope();
        var values = Draw.Normal(1, 3, 4);
        values[1] = zeros(4, dtype: ScalarType.Float64);
        var (a, b) = (values.requires_grad_(), Draw.Leaf(2, 3, 4));
        using var loss = Loss(initialBias: 0, reduction: nn.Reduction.None);
        var perAnchor = loss.forward(a, b);
        perAnchor[1].item<double>().Should().BeApproximately(3 * Math.Log(2), 1e-12);
        var gradients = Gradients.Of(perAnchor.sum(), a, b);
        gradients[0][1].ShouldEqual(zeros(4, dtype: ScalarType.Float64), 0);
        foreach (var gradient in gradients) gradient.ShouldBeFinite();
    }

    [Theory]
    [InlineData(1e-4)]
    [InlineData(0.005)]
    [InlineData(1e6)]
    public void Any_temperature_and_bias_stay_finite_at_every_dtype_even_with_identical_rows(double tau)
    {
        foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var (identical, start) in new[] { (false, -10.0), (true, -10.0), (false, 1e4), (false, -1e4) })
            {
                using var scope = NewDisposeScope();
                var a = (identical ? ones(3, 4) : Draw.Normal(1, 3, 4)).to(dtype).detach().requires_grad_();
                var b = (identical ? ones(3, 4) : Draw.Normal(2, 3, 4)).to(dtype).detach().requires_grad_();
                using var loss = new SigmoidContrastiveLoss(Temperature.Fixed(tau), start) { Tiling = tiling };
                var value = loss.forward(a, b);
                value.dtype.Should().Be(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);
                value.ShouldBeFinite();
                foreach (var gradient in Gradients.Of(value, a, b, Bias(loss)))
                {
                    gradient.ShouldBeFinite();
                }
            }
        }
    }

    [Fact]
    public void Small_terms_keep_their_digits()
    {
        using var scope = NewDisposeScope();
        var a = eye(2, dtype: ScalarType.Float64).requires_grad_();
        using var loss = new SigmoidContrastiveLoss(Temperature.Fixed(1.0 / 60), -30, learnedBias: false) { Tiling = tiling };
        // Two positives at 30 and two negatives at -30: softplus(-30) = 9.4e-14 each, which 30 - 30 would lose.
        var value = loss.forward(a, a);
        value.item<double>().Should().BeApproximately(2 * 9.357622968839863e-14, 1e-25);
        Gradients.Of(value, a)[0].abs().max().item<double>().Should().BeApproximately(60 * 9.357622968839863e-14, 1e-18);
    }

    [Fact]
    public void Half_precision_is_computed_in_float32()
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16 })
        {
            var (a, b) = (Draw.Normal(1, 6, 16).to(dtype), Draw.Normal(2, 6, 16).to(dtype));
            using var loss = Loss();
            loss.forward(a, b).item<float>().Should().Be(loss.forward(a.to(ScalarType.Float32), b.to(ScalarType.Float32)).item<float>());
        }
    }

    [Fact]
    public void Non_contiguous_features_give_the_same()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 6), Draw.Leaf(2, 4, 6));
        var (at, bt) = (a.t().contiguous().t(), b.repeat(1, 2).narrow(1, 3, 6));
        using var loss = Loss();
        loss.forward(at, bt).ShouldEqual(loss.forward(a, bt.contiguous()), 1e-14);
    }

    [Fact]
    public void NaN_features_give_a_NaN_loss_and_not_a_wrong_number()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        a[1, 2] = double.NaN;
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            using var loss = Loss(mode: mode);
            loss.forward(a, b).isnan().item<bool>().Should().BeTrue();
        }
    }

    [Fact]
    public void Only_inputs_that_need_gradients_get_them()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 4), Draw.Normal(2, 3, 4));
        using var constant = new SigmoidContrastiveLoss(Temperature.Fixed(0.1), learnedBias: false) { Tiling = tiling };
        constant.forward(a, b).backward();
        a.grad.Should().NotBeNull();
        b.grad.Should().BeNull();
        constant.forward(b, b).requires_grad.Should().BeFalse();
        constant.parameters().Should().BeEmpty();

        // The bias alone, the scale alone, both of frozen features made in inference mode.
        using var learned = Loss();
        Tensor frozen;
        using (inference_mode()) frozen = randn(3, 4);
        learned.forward(frozen, b.to(ScalarType.Float32)).backward();
        learned.parameters().Should().HaveCount(2).And.AllSatisfy(p => p.grad!.ShouldBeFinite());
        using var bias = new SigmoidContrastiveLoss(Temperature.Fixed(0.1)) { Tiling = tiling };
        bias.forward(b, b).backward();
        Bias(bias).grad!.item<float>().Should().NotBe(0);
        using (no_grad()) learned.forward(a, b).requires_grad.Should().BeFalse();
    }

    [Fact]
    public void Its_state_is_the_scale_and_the_bias_from_log_10_and_minus_10()
    {
        using var scope = NewDisposeScope();
        using var loss = Loss();
        loss.state_dict().Keys.Should().BeEquivalentTo(["temperature.log_scale", "bias"]);
        loss.state_dict()["temperature.log_scale"].item<float>().Should().Be((float)Math.Log(10));
        loss.state_dict()["bias"].item<float>().Should().Be(-10);
        (loss.Bias, loss.IsBiasLearned, loss.Temperature.IsLearned).Should().Be((-10, true, true));
        loss.Temperature.Value.Should().BeApproximately(0.1, 1e-8);

        using var other = new SigmoidContrastiveLoss(Temperature.Learned(0.5), 3);
        Saved.Into(other, Saved.Of(loss));
        (other.Bias, other.Temperature.Value).Should().Be((-10, loss.Temperature.Value));
        loss.to(ScalarType.Float64);
        loss.parameters().Should().AllSatisfy(p => p.dtype.Should().Be(ScalarType.Float64));
        loss.forward(Draw.Normal(1, 3, 2), Draw.Normal(2, 3, 2)).dtype.Should().Be(ScalarType.Float64);

        using var constant = new SigmoidContrastiveLoss(Temperature.Fixed(0.2), -3, learnedBias: false);
        constant.state_dict().Should().BeEmpty();
        (constant.Bias, constant.IsBiasLearned).Should().Be((-3, false));
    }

    [Fact]
    public void Without_bounds_the_scale_goes_where_it_is_sent()
    {
        using var scope = NewDisposeScope();
        using var loss = Loss();
        var scale = loss.Temperature.parameters().Single();
        using (no_grad()) scale.fill_((float)Math.Log(1000));
        loss.forward(Draw.Normal(1, 3, 2), Draw.Normal(2, 3, 2)).ShouldBeFinite();
        loss.Temperature.Value.Should().BeApproximately(0.001, 1e-8);
    }

    [Fact]
    public void Second_derivatives_are_exact_or_no_numbers()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 2), Draw.Leaf(2, 3, 2));
        using var loss = new SigmoidContrastiveLoss(Temperature.Fixed(0.5), -1) { Tiling = tiling };
        if (tiling.DensePairs > 0)
        {
            Gradients.ShouldMatchFiniteDifferences(
                () =>
                {
                    using var graph = enable_grad();
                    return autograd.grad([loss.forward(a, b)], [a], retain_graph: true, create_graph: true)[0].pow(2).sum();
                },
                a, b);
            return;
        }
        var first = autograd.grad([loss.forward(a, b)], [a], retain_graph: true, create_graph: true)[0];
        foreach (var second in autograd.grad([first.pow(2).sum()], [a, b])) second.isfinite().any().item<bool>().Should().BeFalse();
    }

    [Fact]
    public void Bad_input_is_refused_with_both_values()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Normal(1, 3, 4);
        using var loss = Loss();
        Refuses(() => loss.forward(a, Draw.Normal(1, 3, 5)), "anchors have 4 features but candidates have 5");
        Refuses(() => loss.forward(a, Draw.Normal(1, 2, 4)), "anchors have 3 rows but candidates have 2");
        Refuses(() => loss.forward(a, a.to(ScalarType.Float32)), "anchors are Float64 but candidates are Float32");
        Refuses(() => loss.forward(a.to(ScalarType.Int64), a), "anchors must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => loss.forward(ones(0, 3), ones(0, 3)), "anchors have no rows");
        Refuses(() => loss.forward(a, a, null, PairMap.Diagonal(4)), "anchors have 3 rows but the pair map has 4 anchors");
        Refuses(() => loss.forward(a, a, ones(3)), "sampleIds must be integers but are Float32");
        Refuses(() => loss.SumPairs(a, a, PairMap.Diagonal(4)), "anchors have 3 rows but the pair map has 4 anchors");
        Refuses(() => loss.SumPairs(a, Draw.Normal(1, 3, 5), PairMap.Diagonal(3)), "anchors have 4 features but candidates have 5");
        Refuses(() => new SigmoidContrastiveLoss(initialBias: double.NaN), "initialBias must lie in");
        Refuses(() => new SigmoidContrastiveLoss(mode: (ContrastMode)9), "mode must be one of");
        Refuses(() => nn.functional.sigmoid_contrastive(a, a, temperature: 0), "temperature must be positive and finite but is 0");
        Refuses(() => nn.functional.sigmoid_contrastive(a, a, bias: double.PositiveInfinity), "bias must lie in");
        FluentActions.Invoking(() => loss.SumPairs(a, a, null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => loss.forward(null!, a)).Should().Throw<ArgumentNullException>();
        using var symmetric = Loss(mode: ContrastMode.Symmetric, reduction: nn.Reduction.None);
        Refuses(() => symmetric.forward(a, Draw.Normal(2, 5, 4), null, PairMap.Negatives(3, 5)), "anchors have 3 rows but candidates have 5");
        using var elsewhere = Loss();
        elsewhere.to(META);
        Refuses(() => elsewhere.forward(a, a), "anchors are on cpu but the parameters of the temperature are on meta");
        using var fixedScale = new SigmoidContrastiveLoss(Temperature.Fixed(0.1));
        fixedScale.to(META);
        Refuses(() => fixedScale.forward(a, a), "anchors are on cpu but the bias are on meta");
        Refuses(() => fixedScale.SumPairs(a, a, PairMap.Diagonal(3)), "anchors are on cpu but the bias are on meta");
        Refuses(() => loss.forward(a, a, null, PairMap.FromTargets(full(3, 3, 1.0 / 3, dtype: ScalarType.Float64))), "which only the InfoNCE loss takes (Parameter 'pairs')");
    }

    [Fact]
    public void One_direction_takes_weights_of_anchors_alone_and_a_loss_outlives_the_scope_that_it_was_made_in()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 5, 4));
        SigmoidContrastiveLoss loss;
        using (NewDisposeScope()) loss = Loss(reduction: nn.Reduction.None);
        using (loss)
        {
            var map = PairMap.Negatives(3, 5);
            var weighted = loss.forward(a, b, null, map.WithWeights(tensor(new double[] { 1, 2, 3 })));
            weighted.ShouldEqual(loss.forward(a, b, null, map) * tensor(new double[] { 1, 2, 3 }), 1e-12);
        }
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var a = Draw.Leaf(1, 4, 3);
        using var b = Draw.Leaf(2, 4, 3);
        using var ids = tensor(new long[] { 0, 1, 1, 2 });
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            using var loss = Loss(mode: mode);
            TensorCount.ShouldStay(() =>
            {
                using var value = loss.forward(a, b);
                value.backward();
                using var withIds = loss.Evaluate(a, b, ids);
                withIds.Loss.backward();
                using var block = loss.SumPairs(a, b, PairMap.Negatives(4, 4));
                block.backward();
            });
        }
        TensorCount.ShouldStay(() =>
        {
            nn.functional.sigmoid_contrastive(a, b).Dispose();
            new SigmoidContrastiveLoss(Temperature.Fixed(0.1), learnedBias: false).Dispose();
        });
        using var shared = Temperature.Learned();
        using (new SigmoidContrastiveLoss(shared))
        {
        }
        shared.Value.Should().BeApproximately(0.07, 1e-8, "a temperature that was given stays");
    }

    private static Parameter Bias(SigmoidContrastiveLoss loss) => loss.named_parameters().Single(entry => entry.name == "bias").parameter;

    private SigmoidContrastiveLoss Loss(
        double initialBias = -10, ContrastMode mode = ContrastMode.OneDirection, nn.Reduction reduction = nn.Reduction.Mean)
        => new(initialBias: initialBias, mode: mode, reduction: reduction) { Tiling = tiling };
}

public class SigmoidEdgeTestsOfTheWhole() : SigmoidEdgeTests(AnyTiling.Whole);

public class SigmoidEdgeTestsInTiles() : SigmoidEdgeTests(AnyTiling.Tiles(2, 3));
