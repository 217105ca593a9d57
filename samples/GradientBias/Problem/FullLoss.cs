using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.GradientBias;

/// <summary>
/// L(W) = mean_i [ -s_ii + log Σ_j exp(s_ij) ],  s_ij = cos(x_i, y_j W) / τ: every anchor against all N candidates, without
/// added noise, in float64. What the runs are judged by and what the optimum is sought of; written without the library, so
/// that it judges it.
/// </summary>
internal sealed class FullLoss : IDisposable
{
    private readonly Tensor _anchors;
    private readonly Tensor _inputs;

    public FullLoss(SyntheticProblem problem)
    {
        using var scope = NewDisposeScope();
        var (anchors, inputs) = problem.Tensors(ScalarType.Float64);
        _anchors = F.normalize(anchors, dim: 1).DetachFromDisposeScope();
        _inputs = inputs.DetachFromDisposeScope();
    }

    public static int ParameterCount => SyntheticProblem.Dimensions * SyntheticProblem.Dimensions;

    /// <param name="weights">W, row by row.</param>
    public double Value(double[] weights)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Of(Matrix(weights)).item<double>();
    }

    /// <param name="weights">W, row by row.</param>
    /// <returns>L, and ∂L/∂W row by row.</returns>
    public (double Value, double[] Gradient) ValueAndGradient(double[] weights)
    {
        using var scope = NewDisposeScope();
        var w = Matrix(weights).requires_grad_();
        var loss = Of(w);
        loss.backward();
        return (loss.item<double>(), w.grad!.data<double>().ToArray());
    }

    public void Dispose()
    {
        _anchors.Dispose();
        _inputs.Dispose();
    }

    private static Tensor Matrix(double[] weights) => tensor(weights, [SyntheticProblem.Dimensions, SyntheticProblem.Dimensions]);

    private Tensor Of(Tensor w)
    {
        var s = _anchors.mm(F.normalize(_inputs.mm(w), dim: 1).t()).Times(1 / SyntheticProblem.Temperature);
        return (s.logsumexp(1) - s.diagonal()).mean();
    }
}
