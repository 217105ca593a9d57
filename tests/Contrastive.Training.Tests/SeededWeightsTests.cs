using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public class SeededWeightsTests
{
    /// <summary>Group norms whose weights are what the memory happened to hold train in one run and not in the next.</summary>
    [Fact]
    public void Norms_start_as_norms_whatever_the_memory_held()
    {
        using var scope = NewDisposeScope();
        foreach (var norm in new nn.Module<Tensor, Tensor>[]
        {
            nn.GroupNorm(2, 4), nn.LayerNorm(4), nn.BatchNorm1d(4), nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine: true), nn.GroupNorm(2, 4, affine: false),
        })
        {
            foreach (var act in new Action<nn.Module>[] { SeededWeights.ResetNorms, module => Draw(module, 1) })
            {
                Spoil(norm);
                act(nn.Sequential(norm));
                foreach (var (name, parameter) in norm.named_parameters())
                    parameter.eq(name == "weight" ? 1 : 0).all().item<bool>().Should().BeTrue($"{norm.GetName()}.{name}");
            }
        }
    }

    [Fact]
    public void A_norm_alone_leaves_everything_else()
    {
        using var scope = NewDisposeScope();
        using var tower = nn.Sequential(("first", nn.Linear(3, 4)), ("norm", nn.GroupNorm(2, 4)));
        var before = Saved.Of((nn.Module)tower[0]);
        SeededWeights.ResetNorms(tower);
        Saved.Of((nn.Module)tower[0]).Should().Equal(before);
    }

    [Fact]
    public void Layers_are_drawn_by_their_fan_in_and_offsets_are_zero()
    {
        using var scope = NewDisposeScope();
        using var tower = nn.Sequential(
            ("linear", nn.Linear(300, 200)),
            ("flat", nn.Conv1d(30, 100, 5)),
            ("plane", nn.Conv2d(40, 100, 3, groups: 2)),
            ("solid", nn.Conv3d(10, 50, 3, bias: false)),
            ("words", nn.Embedding(500, 40)));
        Spoil(tower);
        SeededWeights.Draw(tower, new Generator(1)).Should().BeEmpty();

        var named = tower.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        foreach (var (name, variance) in new[]
        {
            ("linear", 1.0 / 300), ("flat", 2.0 / 150), ("plane", 2.0 / (20 * 9)), ("solid", 2.0 / 270), ("words", 0.01),
        })
        {
            var weight = named[$"{name}.weight"];
            weight.mean().item<float>().Should().BeApproximately(0, (float)(5 * Math.Sqrt(variance / weight.numel())), name);
            (weight.pow(2).mean().item<float>() / variance).Should().BeApproximately(1, 0.05, name);
            if (name != "words") weight.abs().max().item<float>().Should().BeLessThanOrEqualTo((float)Math.Sqrt(3 * variance), "they are uniform");
            if (named.TryGetValue($"{name}.bias", out var bias)) bias.abs().max().item<float>().Should().Be(0, name);
        }
    }

    [Fact]
    public void A_seed_is_a_network_whatever_the_global_generator_does()
    {
        using var scope = NewDisposeScope();
        var (one, again, other) = (Tower(1), Tower(1), Tower(2));
        Saved.Of(one).Should().Equal(Saved.Of(again)).And.NotEqual(Saved.Of(other));

        static nn.Module Tower(long seed)
        {
            // Of the constructors.
            manual_seed(seed + 10);
            var tower = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.Linear(4, 2), nn.Embedding(3, 2));
            manual_seed(1);
            var next = rand(2);
            manual_seed(1);
            Draw(tower, seed);
            rand(2).IsSameAs(next).Should().BeTrue("nothing is drawn from the global generator");
            return tower;
        }
    }

    [Fact]
    public void What_it_does_not_know_stays_and_is_named()
    {
        using var scope = NewDisposeScope();
        using var tower = new WithToken();
        var (token, up) = (Named("token").clone(), Named("up.weight").clone());
        SeededWeights.Draw(tower, new Generator(1)).Should().BeEquivalentTo("token", "up.weight", "up.bias");
        (Named("token").IsSameAs(token), Named("up.weight").IsSameAs(up)).Should().Be((true, true));

        Tensor Named(string name) => tower.named_parameters().Single(parameter => parameter.name == name).parameter;
    }

    [Fact]
    public void Bad_arguments_are_refused_before_anything_is_drawn()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var linear = nn.Linear(2, 2);
        Refuses(() => SeededWeights.Draw(null!, generator), "module");
        Refuses(() => SeededWeights.Draw(linear, null!), "generator");
        Refuses(() => SeededWeights.ResetNorms(null!), "module");
        using var elsewhere = nn.Sequential(("here", nn.Linear(2, 2)), ("there", nn.Linear(2, 2, device: META)));
        var (state, before) = (generator.get_state(), Saved.Of((nn.Module)elsewhere[0]));
        Refuses(() => SeededWeights.Draw(elsewhere, generator), "the parameter there.weight is on META but the generator on CPU");
        generator.get_state().IsSameAs(state).Should().BeTrue();
        Saved.Of((nn.Module)elsewhere[0]).Should().Equal(before);
    }

    private static void Draw(nn.Module module, long seed)
    {
        using var generator = new Generator((ulong)seed);
        SeededWeights.Draw(module, generator);
    }

    /// <summary>As the memory may happen to be.</summary>
    private static void Spoil(nn.Module module)
    {
        using var constant = no_grad();
        foreach (var parameter in module.parameters()) parameter.fill_(double.NaN);
    }

    private sealed class WithToken : nn.Module
    {
        private readonly Parameter token = new(ones(3));
        private readonly Linear head = nn.Linear(3, 2);
        private readonly ConvTranspose2d up = nn.ConvTranspose2d(2, 2, 3);

        public WithToken()
            : base(nameof(WithToken)) => RegisterComponents();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                head.Dispose();
                up.Dispose();
                token.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
