using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Training;

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
        using var safe = new SafeAdamW([ours], 0.05, weightDecay: 0.1);
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
        Refuses(() => new SafeAdamW([], 0.1), "nothing to train");
        Refuses(() => new SafeAdamW([weight, weight], 0.1), "parameters[1] is parameters[0] again");
        Refuses(() => new SafeAdamW([weight], -0.1), "at least 0 and finite but is -0.1");
        Refuses(() => new SafeAdamW([weight], 0.1, weightDecay: double.NaN), "weightDecay");
        Refuses(() => new SafeAdamW([weight], 0.1, beta1: 1), "beta1 must lie in [0, 1) but is 1");
        Refuses(() => new SafeAdamW([weight], 0.1, beta2: -0.1), "beta2 must lie in [0, 1) but is -0.1");
        Refuses(() => new SafeAdamW([weight], 0.1, beta2: double.NaN), "beta2 must lie in [0, 1) but is NaN");
        Refuses(() => new SafeAdamW([weight], 0.1, weightDecay: double.PositiveInfinity), "weightDecay must be at least 0 and finite but is");
        Refuses(() => new SafeAdamW([weight], 0.1, epsilon: 0), "epsilon");
    }

    [Fact]
    public void Moving_a_module_or_its_optimiser_afterwards_is_refused()
    {
        using var module = nn.Linear(2, 2);
        using var optimizer = new SafeAdamW(module.parameters(), 0.1);
        module.to(ScalarType.Float64);
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("parameters[0] or its moments were moved*");

        using var other = new SafeAdamW(module.parameters(), 0.1);
        other.to(ScalarType.Float32);
        other.Invoking(o => o.zero_grad()).Should().Throw<InvalidOperationException>().WithMessage("parameters[0] or its moments were moved*");
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind_and_a_parameter_without_a_gradient_alone()
    {
        using var moved = new TorchSharp.Modules.Parameter(ones(2));
        using var idle = new TorchSharp.Modules.Parameter(ones(2));
        using var optimizer = new SafeAdamW([moved, idle], 0.1, weightDecay: 0.5);

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
}
