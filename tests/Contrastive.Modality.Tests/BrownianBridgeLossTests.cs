using CsCheck;
using MathNet.Numerics.Distributions;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class BrownianBridgeLossTests
{
    [Fact]
    public void It_is_the_distance_or_likelihood_of_the_formula_on_either_side_or_both()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 5]
            from width in Gen.Int[2, 4]
            from time in Gen.Double[0.05, 0.95]
            from side in Gen.Enum<BridgeSide>()
            from likelihood in Gen.Enum<BridgeLikelihood>()
            select (seed, n, width, time, side, likelihood)).Check(x =>
        {
            var c = new Case(x.seed, x.n, x.width);
            using var loss = new BrownianBridgeLoss(BridgeTime.Fixed(x.time), x.side, x.likelihood);
            Gradients.ShouldAgree(
                () => loss.forward(c.First, c.Second) + ((c.Va.sum() + c.Ta.sum()) * 0),
                () =>
                {
                    var (v, t) = (Case.Unit(c.V), Case.Unit(c.T));
                    var first = Law(Reference.BridgeDistance(Case.Unit(c.Va), v, t, x.time));
                    var second = Law(Reference.BridgeDistance(Case.Unit(c.Ta), t, v, x.time));
                    return (x.side switch
                    {
                        BridgeSide.First => first,
                        BridgeSide.Second => second,
                        _ => (first + second) / 2,
                    }) + ((c.Va.sum() + c.Ta.sum()) * 0);
                },
                1e-10, c.V, c.T, c.Va, c.Ta);

            Tensor Law(Tensor distance)
            {
                var variance = x.time * (1 - x.time);
                return x.likelihood == BridgeLikelihood.SquaredDistance
                    ? distance
                    : (distance / (2 * variance)) + (x.width / 2.0 * Math.Log(2 * Math.PI * variance));
            }
        });

    [Fact]
    public void The_likelihood_is_the_normal_densitys()
    {
        using var scope = NewDisposeScope();
        var (x, mean) = (Draw.Normal(1, 4, 3), Draw.Normal(2, 4, 3));
        var actual = BridgeEquation.NegativeLogLikelihood(x, mean, full(4, 1, 0.3, dtype: ScalarType.Float64));
        for (var i = 0; i < 4; i++)
        {
            var expected = Enumerable.Range(0, 3).Sum(d => -Normal.PDFLn(mean[i, d].item<double>(), Math.Sqrt(0.3 * 0.7), x[i, d].item<double>()));
            actual[i].item<double>().Should().BeApproximately(expected, 1e-12);
        }
    }

    [Fact]
    public void It_equals_the_papers_expansion_with_what_the_print_dropped()
    {
        using var scope = NewDisposeScope();
        var c = new Case(3, 6, 4, unit: true);
        const double t = 0.25;
        Tensor Dot(Tensor x, Tensor y) => (x * y).sum(dim: 1);
        var expansion = (2 - (2 * ((t * Dot(c.V, c.Va)) + ((1 - t) * Dot(c.T, c.Va)))
            / ((t * t) + ((1 - t) * (1 - t)) + (2 * t * (1 - t) * Dot(c.V, c.T))).sqrt())).mean();
        using var loss = new BrownianBridgeLoss();
        loss.forward(c.First, c.Second).ShouldEqual(expansion, 1e-12);
    }

    [Fact]
    public void It_is_zero_on_the_mean_and_keeps_its_digits_near_it_in_float32()
    {
        using var scope = NewDisposeScope();
        var c = new Case(3, 6, 4, unit: true);
        var mean = BridgeEquation.Mean(c.V, c.T, full(6, 1, 0.25, dtype: ScalarType.Float64));
        using var loss = new BrownianBridgeLoss();
        loss.forward(new(c.V, mean), new(c.T)).item<double>().Should().BeLessThan(1e-30);

        var near = Case.Unit(mean + (1e-4 * c.Va));
        var exact = loss.forward(new(c.V, near), new(c.T)).item<double>();
        var single = loss.forward(new(c.V.to(ScalarType.Float32), near.to(ScalarType.Float32)), new(c.T.to(ScalarType.Float32))).item<float>();
        ((double)single).Should().BeApproximately(exact, exact * 1e-2);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Opposite_or_zero_features_have_a_defined_loss_and_a_finite_gradient(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var v = Draw.Normal(1, 3, 4).to(dtype);
        v[2] = zeros(4, dtype: dtype);
        v.requires_grad_();
        var t = (-v).detach().requires_grad_();
        var va = Draw.Normal(2, 3, 4).to(dtype).requires_grad_();
        using var loss = new BrownianBridgeLoss(BridgeTime.Fixed(0.5));
        var value = loss.forward(new(v, va), new(t));
        value.to(ScalarType.Float64).item<double>().Should().BeApproximately(1, 1e-2, "the mean is next to nothing");
        foreach (var gradient in Gradients.Of(value, v, t, va))
        {
            gradient.ShouldBeFinite();
            gradient.abs().max().to(ScalarType.Float64).item<double>().Should().BeLessThan(1e5);
        }
    }

    [Fact]
    public void Drawn_times_lie_in_their_range_repeat_with_the_seed_and_may_differ_by_item()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var one = BridgeTime.Drawn(0.2, 0.4).Draw(1000, ScalarType.Float64, CPU, generator);
        one.unique().output.shape[0].Should().Be(1);
        var each = BridgeTime.Drawn(0.2, 0.4, perItem: true).Draw(1000, ScalarType.Float64, CPU, generator);
        each.min().item<double>().Should().BeInRange(0.2, 0.21);
        each.max().item<double>().Should().BeInRange(0.39, 0.4);
        each.mean().item<double>().Should().BeApproximately(0.3, 0.01);

        var c = new Case(1, 4, 3);
        Value(3).Should().Be(Value(3)).And.NotBe(Value(4));
        double Value(ulong seed)
        {
            using var source = new Generator(seed);
            using var loss = new BrownianBridgeLoss(BridgeTime.Drawn(0.1, 0.9), generator: source);
            return loss.forward(c.First, c.Second).item<double>();
        }
    }

    [Fact]
    public void Paths_follow_the_law_of_the_bridge()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        const int draws = 20_000;
        double[] times = [0, 0.1, 0.25, 0.5, 0.5, 0.9, 1];
        var from = ones(draws, 1, dtype: ScalarType.Float64) * 2;
        var to = ones(draws, 1, dtype: ScalarType.Float64) * -1;
        var paths = BrownianBridge.SamplePaths(from, to, times, 0.7, generator).squeeze(2);

        paths.select(1, 0).ShouldEqual(from.squeeze(1), 0);
        paths.select(1, 6).ShouldEqual(to.squeeze(1), 1e-12);
        paths.select(1, 3).ShouldEqual(paths.select(1, 4), 1e-12);
        for (var i = 0; i < times.Length; i++)
        {
            var mean = 2 - (3 * times[i]);
            var deviation = 0.7 * Math.Sqrt(times[i] * (1 - times[i]));
            paths.select(1, i).mean().item<double>().Should().BeApproximately(mean, (5 * deviation / Math.Sqrt(draws)) + 1e-12);
            for (var j = i; j < times.Length; j++)
            {
                var covariance = ((paths.select(1, i) - mean) * (paths.select(1, j) - (2 - (3 * times[j])))).mean().item<double>();
                covariance.Should().BeApproximately(0.49 * times[i] * (1 - times[j]), 0.006);
            }
        }

        var law = new Normal(2 - 0.75, 0.7 * Math.Sqrt(0.25 * 0.75));
        var sorted = paths.select(1, 2).sort().Values.data<double>().ToArray();
        sorted.Select((x, i) => Math.Abs(law.CumulativeDistribution(x) - ((i + 0.5) / draws))).Max()
            .Should().BeLessThan(1.95 / Math.Sqrt(draws), "the Kolmogorov-Smirnov distance at the 0.1 % level");
    }

    [Fact]
    public void Bad_input_is_refused()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 3);
        using var both = new BrownianBridgeLoss(side: BridgeSide.Both);
        using var second = new BrownianBridgeLoss(side: BridgeSide.Second);
        Refuses(() => both.forward(c.First, new(c.T)), "BrownianBridgeLoss needs the augmented features of the second modality: second.Augmented is null");
        second.forward(new(c.V), c.Second).ShouldBeFinite();
        Refuses(() => BridgeTime.Fixed(1), "time must lie in [0.0001, 0.9999] but is 1");
        Refuses(() => BridgeTime.Drawn(0.5, 0.5), "high must be more than low, 0.5, but is 0.5");
        Refuses(() => BrownianBridge.SamplePaths(c.V, c.T, []), "times are empty");
        Refuses(() => BrownianBridge.SamplePaths(c.V, c.T, [0.5, 0.2]), "times must ascend but times[1] is 0.2 after 0.5");
        Refuses(() => BrownianBridge.SamplePaths(c.V, c.T, [1.5]), "times must lie in [0, 1] but times[0] is 1.5");
        Refuses(() => BrownianBridge.SamplePaths(c.V, c.T, [0.2, -0.1]), "times must lie in [0, 1] but times[1] is -0.1");
        Refuses(() => BrownianBridge.SamplePaths(c.V, c.T, [double.NaN]), "times must lie in [0, 1] but times[0] is NaN");
        Refuses(() => BrownianBridge.SamplePaths(c.V, c.T, [0.5], scale: double.NaN), "scale must be at least 0 and finite but is NaN");
        Refuses(() => BridgeTime.Fixed(0), "time must lie in [0.0001, 0.9999] but is 0");
        Refuses(() => BrownianBridge.SamplePaths(c.V, Draw.Normal(1, 2, 3), [0.5]), "from have 3 rows but to have 2");

        using var generator = new Generator(1);
        using var drawn = new BrownianBridgeLoss(BridgeTime.Drawn(0.1, 0.9), generator: generator);
        var elsewhere = empty(3, 3, device: META);
        Refuses(() => drawn.forward(new(elsewhere, elsewhere), new(elsewhere)), "generator is on cpu but first.Shared are on meta");
        Refuses(() => BrownianBridge.SamplePaths(elsewhere, elsewhere, [0.5], generator: generator), "generator is on cpu but from are on meta");
    }
}
