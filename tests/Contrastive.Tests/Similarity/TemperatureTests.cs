using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Similarity;

public class TemperatureTests
{
    [Fact]
    public void A_fixed_temperature_divides_exactly_and_has_no_state()
    {
        using var temperature = Temperature.Fixed(0.05);
        temperature.IsLearned.Should().BeFalse();
        temperature.Value.Should().Be(0.05);
        temperature.parameters().Should().BeEmpty();
        temperature.state_dict().Should().BeEmpty();
        using var features = ones(2, 3, dtype: ScalarType.Float64);
        using var scaled = temperature.Scale(features);
        scaled[0, 0].item<double>().Should().Be(1 / 0.05);
    }

    [Fact]
    public void A_learned_temperature_starts_and_is_bounded_as_in_open_clip()
    {
        using var temperature = Temperature.Learned();
        temperature.Value.Should().BeApproximately(0.07, 1e-8);
        temperature.Minimum.Should().Be(0.01);
        temperature.Maximum.Should().Be(1);
        temperature.parameters().Should().ContainSingle().Which.requires_grad.Should().BeTrue();
    }

    [Theory]
    [InlineData(20.0, 100.0)]
    [InlineData(-20.0, 1.0)]
    public void A_step_over_a_bound_is_taken_back_before_the_next_use_and_gradients_still_flow(double logScale, double expected)
    {
        using var scope = NewDisposeScope();
        using var temperature = Temperature.Learned();
        var parameter = temperature.parameters().Single();
        using (no_grad()) parameter.fill_(logScale);
        var scaled = temperature.Scale(ones(1, 1));
        scaled.item<float>().Should().BeApproximately((float)expected, (float)expected * 1e-5f);
        scaled.sum().backward();
        parameter.grad!.item<float>().Should().BeApproximately((float)expected, (float)expected * 1e-5f, "it can come back from the bound");

        // In a loss, too.
        var (a, b) = (Draw.Normal(1, 4, 3), Draw.Normal(2, 4, 3));
        using var learned = new InfoNCELoss(temperature);
        using var bound = new InfoNCELoss(Temperature.Fixed(1 / expected));
        using (no_grad()) parameter.fill_(logScale);
        learned.forward(a, b).ShouldEqual(bound.forward(a, b), 1e-5);
        Math.Exp(parameter.item<float>()).Should().BeApproximately(expected, expected * 1e-5, "the parameter itself is brought back");
    }

    /// <summary>Inside the bounds and on either of them, in the dtype of the parameter.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, false)]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.Float64, false)]
    [InlineData(ScalarType.Float64, true)]
    public void A_penalty_on_the_parameter_may_come_before_the_loss(ScalarType dtype, bool tiles)
    {
        using var scope = NewDisposeScope();
        using var temperature = Temperature.Learned();
        temperature.to(dtype);
        var parameter = temperature.parameters().Single();
        var (a, b) = (Draw.Normal(1, 4, 3), Draw.Normal(2, 4, 3));
        var tiling = tiles ? AnyTiling.Tiles(2, 3) : AnyTiling.Whole;
        foreach (var loss in new ContrastiveLoss[]
        {
            new InfoNCELoss(temperature) { Tiling = tiling },
            new InfoNCELoss(temperature, ContrastMode.Symmetric, reduction: nn.Reduction.None) { Tiling = tiling },
            new GammaContrastiveLoss(new BatchPartition(), temperature) { Tiling = tiling },
            new SigmoidContrastiveLoss(temperature) { Tiling = tiling },
        })
        {
            foreach (var tau in new[] { 0.07, 0.01, 1 })
            {
                using (no_grad()) parameter.fill_(-Math.Log(tau));
                var before = parameter.detach().clone();
                parameter.grad = null;
                var penalty = 0.5 * parameter * parameter;
                (loss.Evaluate(a, b).Loss.sum() + penalty.to(ScalarType.Float64)).backward();
                parameter.grad!.ShouldEqual(before + Gradients.Of(loss.forward(a, b).sum(), parameter)[0], 1e-6, $"τ = {tau}");
                parameter.ShouldEqual(before, 0, $"τ = {tau} lies within the bounds");
            }
        }
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void What_the_parameters_dtype_makes_of_a_bound_is_within_the_bounds(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var temperature = Temperature.Learned();
        temperature.to(dtype);
        var parameter = temperature.parameters().Single();
        foreach (var outside in new[] { 20.0, -20 })
        {
            using (no_grad()) parameter.fill_(outside);
            temperature.Scale(ones(1));
            var bound = tensor(outside > 0 ? -Math.Log(0.01) : 0).to(dtype);
            parameter.ShouldEqual(bound, 0, "a value outside is brought back");
            parameter.grad = null;
            var penalty = parameter * parameter;
            temperature.Scale(ones(1));
            penalty.backward();
            parameter.grad!.ShouldEqual(bound * 2, 0);
        }
        using (no_grad()) parameter.fill_(double.NaN);
        temperature.Scale(ones(1)).isnan().item<bool>().Should().BeTrue();
    }

    [Fact]
    public void It_follows_the_module_to_another_dtype()
    {
        using var loss = new InfoNCELoss(Temperature.Learned(0.5, 0.1, 1));
        loss.to(ScalarType.Float64);
        loss.Temperature.parameters().Single().dtype.Should().Be(ScalarType.Float64);
        using var a = Draw.Normal(1, 4, 3);
        using var value = loss.forward(a, a);
        loss.Temperature.Value.Should().BeApproximately(0.5, 1e-7);
        value.backward();
        loss.Temperature.parameters().Single().grad.Should().NotBeNull("the loss uses the parameter that the optimiser has");
    }

    [Fact]
    public void Losses_share_it_and_its_gradient_is_the_sum_of_theirs()
    {
        using var scope = NewDisposeScope();
        var temperature = Temperature.Learned(0.2, 0.1, 1);
        temperature.to(ScalarType.Float64);
        var (a, b) = (Draw.Normal(1, 5, 3), Draw.Normal(2, 5, 3));
        var one = new InfoNCELoss(temperature);
        var two = new GammaContrastiveLoss(new BatchPartition(), temperature);
        var parameter = temperature.parameters().Single();
        var apart = Gradients.Of(one.forward(a, b), parameter)[0] + Gradients.Of(two.forward(a, b), parameter)[0];
        (one.forward(a, b) + two.forward(a, b)).backward();
        parameter.grad!.ShouldEqual(apart, 1e-14);
        one.parameters().Should().ContainSingle().Which.Should().BeSameAs(parameter);
    }

    [Fact]
    public void It_outlives_a_loss_that_shared_it_and_is_not_left_behind_by_one_that_made_it()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 5, 3), Draw.Normal(2, 5, 3));
        var temperature = Temperature.Learned();
        var train = new InfoNCELoss(temperature);
        using (var evaluation = new InfoNCELoss(temperature)) evaluation.forward(a, b);
        using (var gamma = new GammaContrastiveLoss(new PartitionTable(5), temperature)) gamma.forward(a, b, arange(5));
        train.forward(a, b).ShouldBeFinite();
        train.parameters().Should().ContainSingle();
        temperature.Value.Should().BeApproximately(0.07, 1e-8);
        TensorCount.ShouldStay(() => new InfoNCELoss().Dispose());
        TensorCount.ShouldStay(() => new GammaContrastiveLoss(new PartitionTable(5), mode: ContrastMode.Symmetric).Dispose());
    }

    [Fact]
    public void Its_gradient_matches_finite_differences()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 5, 3), Draw.Normal(2, 5, 3));
        var temperature = Temperature.Learned(0.3, 0.01, 1);
        temperature.to(ScalarType.Float64);
        var parameter = temperature.parameters().Single();
        using var loss = new InfoNCELoss(temperature, ContrastMode.Symmetric);
        Gradients.ShouldMatchFiniteDifferences(() => loss.forward(a, b), parameter);

        using var gamma = new GammaContrastiveLoss(new BatchPartition(), temperature);
        var weights = gamma.ExpectationStep(a, b, PairMap.Diagonal(5));
        Gradients.ShouldMatchFiniteDifferences(() => gamma.MaximizationStep(a, b, PairMap.Diagonal(5), weights), parameter);
    }

    /// <summary>Similarities up to 500, whose exponentials are no float32; and a sum so far debiased that it stays at its bound, which has a τ.</summary>
    [Theory]
    [InlineData(0.002, false)]
    [InlineData(0.5, true)]
    public void A_learned_temperature_gives_what_a_fixed_one_of_its_value_gives(double tau, bool debiased)
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var tolerance = dtype == ScalarType.Float32 ? 1e-3 : 1e-6;
            var (a, b) = (Draw.Normal(1, 6, 4).to(dtype).requires_grad_(), Draw.Normal(2, 6, 4).to(dtype).requires_grad_());
            foreach (var make in debiased
                ? [temperature => new InfoNCELoss(temperature, ContrastMode.Symmetric, hardNegatives: new HardNegatives(1, 0.9))]
                : new Func<Temperature, ContrastiveLoss>[]
                {
                    temperature => new InfoNCELoss(temperature, ContrastMode.Symmetric),
                    temperature => new InfoNCELoss(temperature, similarity: SimilarityMeasure.DotProduct),
                    temperature => new GammaContrastiveLoss(new BatchPartition(), temperature, ContrastMode.Symmetric),
                })
            {
                using var learned = make(Temperature.Learned(tau, tau / 2, 1));
                using var constant = make(Temperature.Fixed(tau));
                var (actual, expected) = (learned.forward(a, b), constant.forward(a, b));
                actual.ShouldEqual(expected, tolerance);
                foreach (var (found, wanted) in Gradients.Of(actual, a, b).Zip(Gradients.Of(expected, a, b)))
                    found.ShouldEqual(wanted, tolerance * Math.Max(1, wanted.abs().max().to(ScalarType.Float64).item<double>()));
            }
        }
    }

    [Fact]
    public void It_is_saved_with_the_loss_bit_for_bit()
    {
        using var first = new InfoNCELoss(Temperature.Learned(0.0731));
        using var second = new InfoNCELoss(Temperature.Learned(0.5));
        Saved.Into(second, Saved.Of(first));
        second.Temperature.Value.Should().Be(first.Temperature.Value);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_temperature_that_is_not_positive_and_finite_is_refused(double value)
        => FluentActions.Invoking(() => Temperature.Fixed(value))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage($"*temperature must be positive and finite but is {value}*");

    [Fact]
    public void Bounds_are_positive_and_finite_and_hold_the_start()
    {
        Refuses(() => Temperature.Learned(2), "initial must lie in [0.01, 1] but is 2");
        Refuses(() => Temperature.Learned(minimum: 0), "minimum must be positive and finite but is 0");
        Refuses(() => Temperature.Learned(maximum: double.PositiveInfinity), "maximum must be positive and finite but is Infinity");
        Refuses(() => Temperature.Learned(maximum: double.NaN), "maximum must be positive and finite but is NaN");
        Refuses(() => Temperature.Learned(maximum: 1e31), "maximum must lie in [1E-30, 1E+30] but is 1E+31");
        Refuses(() => Temperature.Fixed(1e31), "temperature must lie in [1E-30, 1E+30] but is 1E+31");
    }
}
