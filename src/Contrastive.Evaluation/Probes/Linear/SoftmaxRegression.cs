using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.Optimization;

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
