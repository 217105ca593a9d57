using Contrastive.Samples.GradientBias;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.GradientBias;

public sealed class OptimumTests
{
    private static readonly SyntheticProblem Problem = SyntheticProblem.Generate(seed: 1);
    private static readonly FullLoss Loss = new(Problem);

    [Fact]
    public void The_gradient_is_that_of_finite_differences()
    {
        const double step = 1e-5;
        var weights = SomeWeights();
        var (_, gradient) = Loss.ValueAndGradient(weights);

        for (var i = 0; i < weights.Length; i++)
        {
            double[] up = [.. weights], down = [.. weights];
            up[i] += step;
            down[i] -= step;
            gradient[i].Should().BeApproximately((Loss.Value(up) - Loss.Value(down)) / (2 * step), 1e-7);
        }
    }

    [Fact]
    public void It_is_InfoNCE_over_all_pairs()
    {
        using var scope = NewDisposeScope();
        var weights = SomeWeights();
        var (anchors, inputs) = Problem.Tensors(ScalarType.Float64);
        using var infoNCE = new InfoNCELoss(Temperature.Fixed(SyntheticProblem.Temperature));
        var w = tensor(weights).reshape(SyntheticProblem.Dimensions, SyntheticProblem.Dimensions).requires_grad_();

        var expected = infoNCE.forward(anchors, inputs.matmul(w));
        expected.backward();

        var (value, gradient) = Loss.ValueAndGradient(weights);
        value.Should().BeApproximately(expected.item<double>(), 1e-10);
        w.grad!.data<double>().ToArray().Zip(gradient, (ours, theirs) => Math.Abs(ours - theirs)).Max().Should().BeLessThan(1e-10);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Several_starts_find_the_same_optimum(int seed)
    {
        using var loss = new FullLoss(SyntheticProblem.Generate(seed));

        var optimum = Optimum.Find(loss, starts: 4, seed);

        optimum.Losses.Should().HaveCount(4);
        optimum.Spread.Should().BeLessThan(1e-9);
        optimum.Loss.Should().BePositive();
        loss.Value(optimum.Weights).Should().BeApproximately(optimum.Loss, 1e-9);
        loss.Value(optimum.Start).Should().BeGreaterThan(1.2 * optimum.Loss);
        loss.Value(optimum.HalfWay()).Should().BeInRange(1.05 * optimum.Loss, loss.Value(optimum.Start));
    }

    private static double[] SomeWeights()
        => [.. Enumerable.Range(0, FullLoss.ParameterCount).Select(i => Math.Sin(1 + 3 * i) + (i % 5 == 0 ? 0.5 : 0))];
}
