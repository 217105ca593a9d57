using Contrastive.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.Optimization;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Minimises a <see cref="SoftmaxObjective"/> by L-BFGS (J. Nocedal and S. Wright, Numerical Optimization, 2nd edition,
/// §7.2).
/// </summary>
/// <remarks>
/// MathNet's minimiser throws when a line search finds no lower point, as happens at the optimum where values differ by
/// rounding errors only, and then its point is lost; and it reports convergence where it ran out of iterations. So the best
/// point seen is kept here, the search starts afresh from it as long as that helps, and convergence is judged by the
/// gradient alone.
/// </remarks>
internal static class SoftmaxRegression
{
    private const int Memory = 10;
    private const int Restarts = 5;

    /// <param name="Point">The parameters, as <see cref="SoftmaxObjective"/> lays them out.</param>
    /// <param name="Evaluations">How often value and gradient were computed.</param>
    /// <param name="Converged">
    /// Whether no entry of the gradient exceeds tolerance · max(1, value) in magnitude at <paramref name="Point"/>.
    /// </param>
    internal sealed record Solution(double[] Point, int Evaluations, bool Converged);

    /// <param name="objective">What to minimise.</param>
    /// <param name="strength">The L2 strength λ.</param>
    /// <param name="start">Where to begin; its entries are not changed.</param>
    /// <param name="tolerance">See <see cref="Solution.Converged"/>.</param>
    /// <param name="maximumEvaluations">After so many, the search ends at the next step.</param>
    public static Solution Fit(
        SoftmaxObjective objective, double strength, double[] start, double tolerance, int maximumEvaluations)
    {
        var best = new Best(tolerance, start);
        int evaluations = 0;
        (double Value, Vector<double> Gradient) Evaluate(Vector<double> point)
        {
            if (evaluations >= maximumEvaluations)
                throw new MaximumIterationsException($"{evaluations} evaluations");
            evaluations++;
            double[] entries = point.ToArray();
            var (value, gradient) = objective.Evaluate(entries, strength);
            best.Offer(entries, value, gradient);
            return (value, Vector<double>.Build.Dense(gradient));
        }

        for (int attempt = 0; attempt < Restarts && !best.Converged && evaluations < maximumEvaluations; attempt++)
        {
            double before = best.Value;
            try
            {
                new LimitedMemoryBfgsMinimizer(tolerance, parameterTolerance: 1e-14, 0, Memory, maximumEvaluations)
                    .FindMinimum(ObjectiveFunction.Gradient(Evaluate), Vector<double>.Build.Dense([.. best.Point]));
            }
            catch (OptimizationException)
            {
                // No lower point on the line, or out of evaluations. What counts is the best point's gradient.
            }

            if (best.Value >= before)
                break;
        }

        return new Solution(best.Point, evaluations, best.Converged);
    }

    /// <summary>The lowest point seen; a point that meets the tolerance beats one that does not.</summary>
    private sealed class Best(double tolerance, double[] start)
    {
        public double[] Point { get; private set; } = start;

        public double Value { get; private set; } = double.PositiveInfinity;

        public bool Converged { get; private set; }

        public void Offer(double[] point, double value, double[] gradient)
        {
            double largest = 0;
            foreach (double entry in gradient)
                largest = Math.Max(largest, Math.Abs(entry));                                    // NaN stays NaN
            if (!double.IsFinite(value) || !double.IsFinite(largest))
                return;
            bool converged = largest <= tolerance * Math.Max(1, value);
            if (converged == Converged ? value < Value : converged)
                (Point, Value, Converged) = (point, value, converged);
        }
    }
}

/// <summary>
/// Multinomial logistic regression as a function to minimise, of the weights W (C, D) and biases b (C):
/// <code>1/n Σ_i [log Σ_c exp(w_c·x_i + b_c) - w_{y_i}·x_i - b_{y_i}] + λ/2 ‖W‖²</code>
/// All in float64 on the device of the design. The parameters are one flat vector, the rows (w_c, b_c) one after the other.
/// </summary>
/// <remarks>
/// The labels enter only through Σ_i over each class of x_i, summed once; an evaluation is two matrix products. Rows are
/// taken in chunks: no (n, C) table is held.
/// </remarks>
internal sealed class SoftmaxObjective
{
    private const long TileElements = 1 << 20;

    private readonly Tensor _design;
    private readonly double[] _classSums;
    private readonly long _chunk;

    /// <param name="design">(n, D + 1) float64, its last column ones. Not owned.</param>
    /// <param name="labels">(n) int64, from 0 to C - 1.</param>
    /// <param name="classes">C.</param>
    public SoftmaxObjective(Tensor design, Tensor labels, long classes)
    {
        _design = design;
        Classes = classes;
        _chunk = Chunks.Size(null, classes, TileElements);
        using var scope = NewDisposeScope();
        var classNumbers = TensorArithmetic.Range(0, classes, design.device).unsqueeze(1);
        var sums = zeros(classes, design.shape[1], dtype: ScalarType.Float64, device: design.device);
        foreach (var (start, length) in Runs.Of(design.shape[0], _chunk))
        {
            using var tile = NewDisposeScope();
            var member = labels.narrow(0, start, length).eq(classNumbers).to_type(ScalarType.Float64);    // (C, length)
            sums.add_(member.matmul(design.narrow(0, start, length)), Scalars.One);
        }

        _classSums = ScoredRows.Doubles(sums);
    }

    public long Classes { get; }

    /// <summary>C (D + 1).</summary>
    public int Parameters => _classSums.Length;

    /// <summary>The value and the gradient at a point, for the L2 strength λ.</summary>
    public (double Value, double[] Gradient) Evaluate(double[] point, double strength)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long columns = _design.shape[1];
        var parameters = tensor(point, dtype: ScalarType.Float64).reshape(Classes, columns).to(_design.device);
        var expectedSums = zeros_like(parameters);                                                // Σ_i p_i x_i
        double logPartitions = 0;
        foreach (var (start, length) in Runs.Of(_design.shape[0], _chunk))
        {
            using var tile = NewDisposeScope();
            var features = _design.narrow(0, start, length);
            var logits = features.matmul(parameters.t());                                         // (length, C)
            var logPartition = logits.logsumexp(1, keepdim: true);
            logPartitions += logPartition.SumAll().item<double>();
            expectedSums.add_(logits.sub_(logPartition).exp_().t().matmul(features), Scalars.One);
        }

        double rows = _design.shape[0], linear = 0, squares = 0;
        double[] gradient = ScoredRows.Doubles(expectedSums);
        for (int i = 0; i < gradient.Length; i++)
        {
            double weight = (i + 1) % columns == 0 ? 0 : point[i];                                // biases are not penalised
            linear += point[i] * _classSums[i];
            squares += weight * weight;
            gradient[i] = ((gradient[i] - _classSums[i]) / rows) + (strength * weight);
        }

        return (((logPartitions - linear) / rows) + (strength / 2 * squares), gradient);
    }
}
