using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class HeadsTests
{
    [Fact]
    public void Heads_give_shared_and_independent_features_of_items_and_augmentations()
    {
        using var scope = NewDisposeScope();
        using var heads = new SeparatedHeads(6, 3, hidden: 5);
        heads.parameters().Should().HaveCount(8);
        heads.state_dict().Keys.Should().Contain(["shared.layers.input.weight", "independent.layers.output.bias"]);
        var (x, xa) = (rand(4, 6), rand(4, 6));
        var features = heads.Features(x, xa);
        features.Shared.shape.Should().Equal(4, 3);
        features.Independent!.IsSameAs(heads.forward(x).Independent).Should().BeTrue();
        features.Augmented!.IsSameAs(heads.forward(xa).Shared).Should().BeTrue();
        features.IndependentAugmented!.IsSameAs(heads.forward(xa).Independent).Should().BeTrue();
        heads.Features(x).Augmented.Should().BeNull();

        using var linear = new ProjectionHead(6, 3);
        linear.parameters().Should().HaveCount(2);
        linear.forward(x).shape.Should().Equal(4, 3);
        Refuses(() => new ProjectionHead(0, 3), "inputs must be at least 1 but is 0");
        Refuses(() => new ProjectionHead(2, 3, 0), "hidden must be at least 1 but is 0");
    }

    [Fact]
    public void A_momentum_encoder_follows_its_online_encoder()
    {
        using var scope = NewDisposeScope();
        var (online, twin) = (Encoder(), Encoder());
        using var momentum = new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, twin, 0.9);
        Parameters(twin).Should().Equal(Parameters(online), "it starts equal");
        momentum.parameters().Should().OnlyContain(x => !x.requires_grad);

        var before = Parameters(twin);
        using (no_grad())
        {
            foreach (var parameter in online.parameters()) parameter.add_(1);
            foreach (var (name, buffer) in online.named_buffers()) if (name.EndsWith("running_mean", StringComparison.Ordinal)) buffer.fill_(7);
        }
        momentum.Update();
        Parameters(twin).Zip(before).Should().OnlyContain(x => Math.Abs(x.First - x.Second - 0.1) < 1e-6, "one tenth of the way");
        twin.named_buffers().Single(x => x.name.EndsWith("running_mean", StringComparison.Ordinal)).buffer.mean().item<float>().Should().Be(7);

        momentum.eval();
        online.eval();
        var output = momentum.Encoder.forward(rand(4, 3));
        output.requires_grad.Should().BeFalse();
        TensorCount.ShouldStay(momentum.Update);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void In_half_precision_a_momentum_encoder_follows_as_closely(ScalarType half)
    {
        using var online = nn.Linear(3, 2).to(half);
        using var momentum = new MomentumEncoder<TorchSharp.Modules.Linear>(online, nn.Linear(3, 2).to(half), 0.999);
        var start = Fine(online);
        using (no_grad())
        {
            foreach (var parameter in online.parameters()) parameter.add_(0.25);
        }
        var end = Fine(online);

        for (var i = 0; i < 200; i++) momentum.Update();

        var kept = Math.Pow(0.999, 200);
        Fine(momentum.Encoder).Zip(start.Zip(end)).Should().OnlyContain(x => Math.Abs(x.First - (x.Second.First * kept + x.Second.Second * (1 - kept))) < 5e-3);
        momentum.state_dict().Keys.Should().Contain(["master.weight", "master.bias"]);

        // What is saved goes on to the same bits.
        using var resumed = new MomentumEncoder<TorchSharp.Modules.Linear>(online, nn.Linear(3, 2).to(half), 0.999);
        Saved.Into(resumed, Saved.Of(momentum));
        for (var i = 0; i < 50; i++)
        {
            momentum.Update();
            resumed.Update();
        }
        Saved.Of(resumed).Should().Equal(Saved.Of(momentum));
        TensorCount.ShouldStay(momentum.Update);
    }

    [Fact]
    public void A_momentum_encoder_that_was_converted_to_half_precision_is_refused()
    {
        using var online = nn.Linear(3, 2);
        using var momentum = new MomentumEncoder<TorchSharp.Modules.Linear>(online, nn.Linear(3, 2), 0.99);
        momentum.to(ScalarType.BFloat16);
        var before = Saved.Of(momentum);
        momentum.Invoking(m => m.Update()).Should().Throw<InvalidOperationException>().WithMessage("'weight' was converted to BFloat16, which is too coarse*");
        Saved.Of(momentum).Should().Equal(before);
        momentum.to(ScalarType.Float32);
        momentum.Update();

        using var half = nn.Linear(3, 2).to(ScalarType.BFloat16);
        using var follower = new MomentumEncoder<TorchSharp.Modules.Linear>(half, nn.Linear(3, 2).to(ScalarType.BFloat16), 0.99);
        follower.to(ScalarType.BFloat16);
        follower.Invoking(m => m.Update()).Should().Throw<InvalidOperationException>().WithMessage("'weight' was converted to BFloat16, which is too coarse*");
    }

    private static double[] Fine(nn.Module module) => [.. module.parameters().SelectMany(x => x.to(ScalarType.Float64).data<double>())];

    [Fact]
    public void Encoders_that_are_no_twins_are_refused()
    {
        using var scope = NewDisposeScope();
        nn.Module<Tensor, Tensor> online = nn.Linear(3, 2);
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, online), "twin must be an encoder of its own");
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, nn.Linear(3, 4)), "'weight' is (2, 3) in online but (4, 3) in twin");
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, nn.Linear(3, 2, hasBias: false)), "twin has no 'bias', which online has");
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(nn.Linear(3, 2, hasBias: false), online), "twin has 'bias', which online has not");
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, nn.Linear(3, 2, dtype: ScalarType.Float64)), "'weight' is Float32 in online but Float64 in twin");
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, nn.Linear(3, 2, device: META)), "'weight' of online are on cpu but 'weight' of twin are on meta");
        var shared = nn.Linear(3, 2);
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(nn.Sequential(shared), nn.Sequential(shared)), "twin shares parameters with online");
        using var heads = new MomentumEncoder<SeparatedHeads>(new SeparatedHeads(3, 2), new SeparatedHeads(3, 2), 1);
        heads.Update();
        heads.Encoder.Features(rand(2, 3)).Independent!.requires_grad.Should().BeFalse();
        Refuses(() => new MomentumEncoder<nn.Module<Tensor, Tensor>>(online, nn.Linear(3, 2), 1.5), "momentum must lie in [0, 1] but is 1.5");
    }

    private static nn.Module<Tensor, Tensor> Encoder() => nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2));

    private static float[] Parameters(nn.Module module) => [.. module.parameters().SelectMany(x => x.data<float>())];
}
