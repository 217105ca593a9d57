using MathNet.Numerics.Distributions;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.Optimization;
using MathNet.Numerics.Random;

namespace Contrastive.Samples.GradientBias;

/// <summary>The least value of the full loss, L*, from several starts.</summary>
/// <param name="Losses">What each start led to; they agree where there is one optimum.</param>
/// <param name="Start">The first start, row by row.</param>
/// <param name="Weights">Where the first start led to, row by row.</param>
internal sealed record Optimum(IReadOnlyList<double> Losses, double[] Start, double[] Weights)
{
    private const double GradientTolerance = 1e-8;
    private const double ParameterTolerance = 1e-14;
    private const double ProgressTolerance = 1e-15;
    private const int MaximumIterations = 2000;

    /// <summary>L*.</summary>
    public double Loss => Losses.Min();

    /// <summary>By how much the starts disagree.</summary>
    public double Spread => Losses.Max() - Losses.Min();

    public static Optimum Find(FullLoss loss, int starts, int seed)
    {
        var random = new Normal(0, 1, new MersenneTwister(seed));
        var objective = ObjectiveFunction.Gradient(point =>
        {
            var (value, gradient) = loss.ValueAndGradient(point.ToArray());
            return (value, Vector<double>.Build.Dense(gradient));
        });
        var minimizer = new BfgsMinimizer(GradientTolerance, ParameterTolerance, ProgressTolerance, MaximumIterations);
        var found = Enumerable.Range(0, starts).Select(_ =>
        {
            var start = Vector<double>.Build.Random(FullLoss.ParameterCount, random);
            return (Start: start, End: minimizer.FindMinimum(objective, start));
        }).ToArray();
        return new Optimum(
            [.. found.Select(result => result.End.FunctionInfoAtMinimum.Value)],
            found[0].Start.ToArray(),
            found[0].End.MinimizingPoint.ToArray());
    }

    /// <summary>
    /// Half way from the first start to its optimum. Only directions count for a cosine, so both ends have length 1 here.
    /// </summary>
    public double[] HalfWay()
    {
        var (start, end) = (Vector<double>.Build.Dense(Start), Vector<double>.Build.Dense(Weights));
        return ((start.Normalize(2) + end.Normalize(2)) / 2).ToArray();
    }
}
