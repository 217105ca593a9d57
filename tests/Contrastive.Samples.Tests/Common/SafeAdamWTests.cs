using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.Common;

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
}
