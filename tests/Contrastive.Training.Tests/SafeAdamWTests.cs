using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public sealed class SafeAdamWTests
{
    [Fact]
    public void It_takes_the_steps_of_TorchSharps_AdamW()
    {
        using var random = new Generator(3);
        using var start = randn([4, 3], generator: random);
        using var target = randn([4, 3], generator: random);
        using var ours = new TorchSharp.Modules.Parameter(start.clone());
        using var theirs = new TorchSharp.Modules.Parameter(start.clone());
        using var safe = new SafeAdamW([("weight", ours)], 0.05, weightDecay: 0.1);
        using var reference = optim.AdamW([theirs], 0.05, beta2: 0.999, weight_decay: 0.1);

        for (var i = 0; i < 50; i++)
        {
            safe.zero_grad();
            reference.zero_grad();
            (ours - target).sin().square().sum().backward();
            (theirs - target).sin().square().sum().backward();
            safe.step();
            reference.step();
        }

        ours.allclose(theirs, 1e-5, 1e-6).Should().BeTrue();
        ours.allclose(start).Should().BeFalse();
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        using var weight = new TorchSharp.Modules.Parameter(zeros(2));
        (string, TorchSharp.Modules.Parameter)[] one = [("weight", weight)];
        using var other = new TorchSharp.Modules.Parameter(zeros(2));
        using var module = nn.Linear(2, 2);
        Refuses(() => new SafeAdamW(one[..0], 0.1), "nothing to train");
        Refuses(() => new SafeAdamW([("a", weight), ("b", weight)], 0.1), "parameters[1] is parameters[0] again, 'b' and 'a'");
        Refuses(() => new SafeAdamW([("a", weight), ("a", other)], 0.1), "parameters[1] is called 'a' like parameters[0]");
        Refuses(() => new SafeAdamW([("a", weight), ("", other)], 0.1), "parameters[1] has no name");
        Refuses(() => new SafeAdamW([("a", module), ("b", module)], 0.1), "parameters[2] is parameters[0] again, 'b.weight' and 'a.weight'");
        Refuses(() => new SafeAdamW(one, -0.1), "at least 0 and finite but is -0.1");
        Refuses(() => new SafeAdamW(one, 0.1, weightDecay: double.NaN), "weightDecay");
        Refuses(() => new SafeAdamW(one, 0.1, beta1: 1), "beta1 must lie in [0, 1) but is 1");
        Refuses(() => new SafeAdamW(one, 0.1, beta2: -0.1), "beta2 must lie in [0, 1) but is -0.1");
        Refuses(() => new SafeAdamW(one, 0.1, beta2: double.NaN), "beta2 must lie in [0, 1) but is NaN");
        Refuses(() => new SafeAdamW(one, 0.1, weightDecay: double.PositiveInfinity), "weightDecay must be at least 0 and finite but is");
        Refuses(() => new SafeAdamW(one, 0.1, epsilon: 0), "epsilon");
    }

    [Fact]
    public void Moving_a_module_or_its_optimiser_afterwards_is_refused()
    {
        using var module = nn.Linear(2, 2);
        using var optimizer = new SafeAdamW(module.named_parameters(), 0.1);
        module.to(ScalarType.Float64);
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("parameters[0] or its moments were moved*");

        using var other = new SafeAdamW(module.named_parameters(), 0.1);
        other.to(ScalarType.Float32);
        other.Invoking(o => o.zero_grad()).Should().Throw<InvalidOperationException>().WithMessage("parameters[0] or its moments were moved*");
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind_and_a_parameter_without_a_gradient_alone()
    {
        using var moved = new TorchSharp.Modules.Parameter(ones(2));
        using var idle = new TorchSharp.Modules.Parameter(ones(2));
        using var optimizer = new SafeAdamW([("moved", moved), ("idle", idle)], 0.1, weightDecay: 0.5);

        TensorCount.ShouldStay(() =>
        {
            optimizer.zero_grad();
            using var square = moved.mul(moved);
            using var loss = square.sum();
            loss.backward();
            optimizer.step();
        });

        idle.eq(ones(2)).all().item<bool>().Should().BeTrue();
        moved.eq(ones(2)).any().item<bool>().Should().BeFalse();
    }

    private static void Give(TorchSharp.Modules.Parameter parameter, double gradient) => parameter.grad = full_like(parameter, gradient);

    private static double Value(Tensor tensor) => tensor.to(ScalarType.Float64).item<double>();

    [Fact]
    public void Each_parameter_counts_its_own_steps()
    {
        using var a = new TorchSharp.Modules.Parameter(ones(1));
        using var b = new TorchSharp.Modules.Parameter(ones(1));
        using var optimizer = new SafeAdamW([("a", a), ("b", b)], 0.01);
        for (var i = 0; i < 5000; i++)
        {
            Give(a, 1);
            optimizer.step();
        }

        optimizer.zero_grad();
        Give(b, 1);
        optimizer.step();

        Value(b).Should().BeApproximately(0.99, 1e-6, "a first step is as large as the learning rate");
        optimizer.state_dict()["step.a"].item<long>().Should().Be(5000);
        optimizer.state_dict()["step.b"].item<long>().Should().Be(1);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1e-3, 0.99)]
    [InlineData(-1e-3, 1.01)]
    [InlineData(6e-8, 0.991)]
    public void A_step_in_float16_goes_where_it_goes_in_float32(double gradient, double expected)
    {
        using var weight = new TorchSharp.Modules.Parameter(ones(1, dtype: ScalarType.Float16));
        using var optimizer = new SafeAdamW([("weight", weight)], 0.01);
        Give(weight, gradient);
        optimizer.step();
        Value(weight).Should().BeApproximately(expected, 1e-3);
        weight.dtype.Should().Be(ScalarType.Float16);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void In_half_precision_the_steps_are_those_of_float32_and_the_weights_are_rounded(ScalarType half)
    {
        using var random = new Generator(5);
        using var start = randn([7], generator: random).to(half);
        using var coarse = new TorchSharp.Modules.Parameter(start.clone());
        using var fine = new TorchSharp.Modules.Parameter(start.to(ScalarType.Float32));
        using var ours = new SafeAdamW([("weight", coarse)], 1e-4, weightDecay: 0.1);
        using var reference = new SafeAdamW([("weight", fine)], 1e-4, weightDecay: 0.1);

        for (var i = 0; i < 300; i++)
        {
            using var scope = NewDisposeScope();
            var gradient = randn([7], generator: random).add(0.5).to(half);
            coarse.grad = gradient.clone();
            fine.grad = gradient.to(ScalarType.Float32);
            ours.step();
            reference.step();
        }

        // Each of these steps is below what either dtype can tell of 1. All together are not.
        coarse.eq(fine.to(half)).all().item<bool>().Should().BeTrue();
        coarse.eq(start).any().item<bool>().Should().BeFalse();
        ours.state_dict()["mean.weight"].eq(reference.state_dict()["mean.weight"]).all().item<bool>().Should().BeTrue();
        ours.state_dict()["square.weight"].eq(reference.state_dict()["square.weight"]).all().item<bool>().Should().BeTrue();
        ours.state_dict().Values.Should().OnlyContain(state => state.dtype == ScalarType.Float32 || state.dtype == ScalarType.Int64);
    }

    [Fact]
    public void In_bfloat16_the_mean_square_decays()
    {
        using var weight = new TorchSharp.Modules.Parameter(ones(1, dtype: ScalarType.BFloat16));
        using var optimizer = new SafeAdamW([("weight", weight)], 0);
        Give(weight, 1);
        optimizer.step();
        Give(weight, 0);
        for (var i = 0; i < 1000; i++) optimizer.step();
        Value(optimizer.state_dict()["square.weight"]).Should().BeApproximately(0.001 * Math.Pow(0.999, 1000), 1e-8);
    }

    [Fact]
    public void Weights_that_others_change_between_steps_stay_changed()
    {
        using var weight = new TorchSharp.Modules.Parameter(ones(2, dtype: ScalarType.BFloat16));
        using var optimizer = new SafeAdamW([("weight", weight)], 1e-4);
        for (var i = 0; i < 3; i++)
        {
            Give(weight, 1);
            optimizer.step();
        }

        using (no_grad()) weight[0] = 5;
        Give(weight, 1);
        optimizer.step();

        var master = optimizer.state_dict()["master.weight"];
        Value(master[0]).Should().BeApproximately(5 - 1e-4, 1e-6);
        Value(master[1]).Should().BeApproximately(1 - 4e-4, 1e-6);
    }

    [Fact]
    public void State_has_the_names_of_the_parameters()
    {
        using var tower = nn.Linear(2, 3);
        using var head = nn.Linear(3, 1, hasBias: false).to(ScalarType.BFloat16);
        using var optimizer = new SafeAdamW([("tower", tower), ("head", head)], 0.1);
        optimizer.state_dict().Keys.Should().BeEquivalentTo(
            "step.tower.weight", "mean.tower.weight", "square.tower.weight",
            "step.tower.bias", "mean.tower.bias", "square.tower.bias",
            "step.head.weight", "mean.head.weight", "square.head.weight", "master.head.weight");
        using var narrow = nn.Linear(1, 1, hasBias: false, dtype: ScalarType.Float64);
        using var other = new SafeAdamW(narrow.named_parameters(), 0.1);
        other.state_dict()["mean.weight"].dtype.Should().Be(ScalarType.Float64);
    }
}
