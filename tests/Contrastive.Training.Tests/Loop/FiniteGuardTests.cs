using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public class FiniteGuardTests
{
    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    [InlineData(double.NegativeInfinity, "-Infinity")]
    public void A_figure_is_named_with_its_step(double value, string text)
    {
        Stops(() => FiniteGuard.Check(value, "objective", 12), $"objective is {text} after step 12").OffendingNumber.Should().Be(value);
        Stops(() => FiniteGuard.Check(value, "objective"), $"objective is {text}");
    }

    [Fact]
    public void What_is_finite_passes_however_large()
    {
        using var scope = NewDisposeScope();
        FiniteGuard.Check(double.MaxValue, "objective");
        foreach (var values in new[] { full(3, float.MaxValue), zeros(0), tensor(-1L), zeros(2, 2).to(ScalarType.BFloat16), tensor(true) })
            FiniteGuard.Check(values, "values").Should().BeSameAs(values);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_tensor_says_how_much_and_where(float bad)
    {
        using var scope = NewDisposeScope();
        var values = zeros(2, 3, 4);
        values[1, 0, 2] = tensor(bad);
        values[1, 2, 3] = tensor(bad);
        foreach (var graph in new[] { false, true })
        {
            values.requires_grad_(graph);
            Stops(() => FiniteGuard.Check(values, "the features", 7), "the features: 2 of 24 numbers are not finite, the first at [1, 0, 2] after step 7");
        }
        Stops(() => FiniteGuard.Check(tensor(bad), "the loss"), "the loss: 1 of 1 numbers are not finite, the first at []");
    }

    [Fact]
    public void A_module_names_the_parameter_or_the_one_whose_gradient_it_is()
    {
        using var scope = NewDisposeScope();
        using var tower = nn.Sequential(("first", nn.Linear(2, 3)), ("last", nn.Linear(3, 2)));
        tower.forward(ones(4, 2)).sum().backward();
        FiniteGuard.Check(tower, 1);
        FiniteGuard.Check(nn.ReLU());

        var (weight, last) = (tower.named_parameters().First().parameter, tower.named_parameters().Last().parameter);
        last.grad = full_like(last, double.NaN);
        Stops(() => FiniteGuard.Check(tower, 3), "the gradient of last.bias: 2 of 2 numbers are not finite, the first at [0] after step 3");
        using (no_grad()) weight[1, 1] = tensor(float.PositiveInfinity);
        Stops(() => FiniteGuard.Check(tower), "the parameter first.weight: 1 of 6 numbers are not finite, the first at [1, 1]");
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        using var tower = nn.Linear(2, 3);
        using var bad = full(3, double.NaN);
        TensorCount.ShouldStay(
            () =>
            {
                FiniteGuard.Check(tower, 1);
                Stops(() => FiniteGuard.Check(bad, "bad"), "bad: 3 of 3 numbers are not finite, the first at [0]");
            }, 5);
    }

    [Fact]
    public void Nothing_is_refused()
    {
        Refuses(() => FiniteGuard.Check((Tensor)null!, "features"), "values");
        Refuses(() => FiniteGuard.Check((nn.Module)null!), "module");
    }

    private static NotFiniteNumberException Stops(Action check, string message)
        => check.Should().Throw<NotFiniteNumberException>().WithMessage(message).Which;
}
