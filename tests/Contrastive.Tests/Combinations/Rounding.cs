using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>
/// How far a result may be from its exact value. A similarity s has an error of ε |s|, so its exponential, and all that is made of
/// exponentials, has a relative one of ε |s|; where large terms cancel, what counts is the terms.
/// </summary>
/// <param name="epsilon">The relative error of one operation.</param>
internal sealed class Rounding(double epsilon)
{
    /// <summary>Operations in a row, and sums of many terms.</summary>
    private const double Operations = 32;

    private double _largest = 1;

    /// <summary>Similarities and log Ẑ of this size were met; state remembers them.</summary>
    public void Meet(double size) => _largest = Math.Max(_largest, size);

    /// <summary>The relative error of what is made without exponentials.</summary>
    public double OfNumbers => Operations * epsilon;

    /// <summary>The relative error of a term.</summary>
    public double OfTerms => Operations * epsilon * (1 + _largest);

    /// <summary>The absolute error of a logarithm.</summary>
    public double OfLogarithms => OfTerms;

    /// <summary>What rounding allows for, and in float64 1e-9 of the largest value.</summary>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">What is right.</param>
    /// <param name="terms">The size of the terms that make it up, of each value or each row.</param>
    /// <param name="what">What it is.</param>
    public void ShouldAgree(Tensor actual, Tensor expected, Tensor terms, string what)
    {
        actual.shape.Should().Equal(expected.shape, what);
        if (expected.numel() == 0) return;
        var wide = actual.detach().to(ScalarType.Float64);
        if (expected.dim() > terms.dim()) terms = terms.unsqueeze(-1);
        var isFloat64 = epsilon < 1e-10;
        // Below the second number terms are no longer normal numbers.
        var allowed = terms.Times(OfTerms).Plus(isFloat64 ? expected.detach().abs().max().Times(1e-9).Plus(1e-300) : tensor(1e-35));
        var excess = ((wide - expected.detach()).abs() / allowed).max().item<double>();
        (excess <= 1).Should().BeTrue($"{what} is {excess:g3} times as far away as rounding explains:\n{Text(wide)} instead of\n{Text(expected)}");
    }

    private static string Text(Tensor values)
        => string.Join(" ", values.detach().contiguous().data<double>().Take(40).Select(value => value.ToString("g10", null)));
}
