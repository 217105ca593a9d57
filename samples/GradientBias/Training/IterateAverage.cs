using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias.Training;

/// <summary>
/// The polynomial-decay average of the iterates (O. Shamir and T. Zhang, "Stochastic Gradient Descent for Non-smooth
/// Optimization", ICML 2013): the iterate of step t has a weight proportional to about t^η. Like an average over the last
/// part of the run, and good at any step, not only at the end.
/// </summary>
internal sealed class IterateAverage(Tensor start)
{
    public const double Eta = 1.5;

    private readonly Tensor _average = start.detach().clone();
    private int _steps;

    public void Add(Tensor iterate)
    {
        _steps++;
        using var weight = ((Eta + 1) / (_steps + Eta)).ToScalar();
        using var difference = iterate.detach().sub(_average);
        _average.add_(difference, weight);
    }

    /// <summary>Row by row.</summary>
    public double[] Values()
    {
        using var wide = _average.to(ScalarType.Float64, copy: true);
        return wide.data<double>().ToArray();
    }
}
