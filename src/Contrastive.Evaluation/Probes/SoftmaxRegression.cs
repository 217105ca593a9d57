using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Minimises a <see cref="SoftmaxObjective"/> by L-BFGS (J. Nocedal and S. Wright, Numerical Optimization, 2nd edition,
/// §7.2), with steps that meet the Wolfe conditions (§3.1).
/// </summary>
/// <remarks>
/// An evaluation is what costs, so each is asked whether it has converged, and nearly every step takes one. As the objective is convex,
/// slopes alone tell on which side of a point the minimum of a line lies, also where values differ by rounding errors only.
/// </remarks>
internal static class SoftmaxRegression
{
    private const int Memory = 10;

    /// <summary>A line that has no lower point after so many is at its end: what is left is rounding.</summary>
    private const int MostOfLine = 30;

    /// <summary>How much of the decrease that the slope promises a step must bring, and how much of the slope may be left.</summary>
    private const double Decrease = 1e-4, SlopeLeft = 0.9;

    /// <summary>How much higher a value may be that rounding alone lifts, in relation to it.</summary>
    private const double Noise = 1e-15;

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
    /// <param name="maximumEvaluations">After so many, the search ends with the lowest point seen.</param>
    public static Solution Fit(
        SoftmaxObjective objective, double strength, double[] start, double tolerance, int maximumEvaluations)
    {
        var search = new Search(objective, strength, tolerance, maximumEvaluations);
        var at = search.At(start);
        var curvature = new Queue<Step>(Memory + 1);
        while (!search.IsOver)
        {
            double[] direction = Direction(at.Gradient, curvature);
            // Without curvature a step of length 1 in all; else 1 is that of the quadratic model.
            double first = curvature.Count > 0 ? 1 : 1 / Math.Sqrt(Dot(direction, direction));
            if (search.Along(at, direction, first) is { } next)
            {
                var step = Step.Between(at, next);
                at = next;
                if (step.Product <= 0)
                    continue;
                curvature.Enqueue(step);
                if (curvature.Count > Memory)
                    curvature.Dequeue();
            }
            else if (curvature.Count > 0)
            {
                // What is remembered is spoilt by rounding: once more straight down.
                curvature.Clear();
            }
            else
            {
                break;
            }
        }

        return search.Solution;
    }

    /// <summary>-H g, with H the inverse Hessian as the steps tell it: Nocedal and Wright, algorithm 7.4.</summary>
    private static double[] Direction(double[] gradient, IEnumerable<Step> curvature)
    {
        double[] direction = [.. gradient.Select(entry => -entry)];
        Step[] steps = [.. curvature];
        double[] shares = new double[steps.Length];
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            shares[i] = Dot(steps[i].Move, direction) / steps[i].Product;
            Add(direction, steps[i].Change, -shares[i]);
        }

        if (steps.Length > 0)
        {
            double scale = steps[^1].Product / Dot(steps[^1].Change, steps[^1].Change);
            for (int i = 0; i < direction.Length; i++)
                direction[i] *= scale;
        }

        for (int i = 0; i < steps.Length; i++)
            Add(direction, steps[i].Move, shares[i] - (Dot(steps[i].Change, direction) / steps[i].Product));
        return direction;
    }

    private static double Dot(double[] x, double[] y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }

    private static void Add(double[] x, double[] y, double factor)
    {
        for (int i = 0; i < x.Length; i++)
            x[i] += factor * y[i];
    }

    /// <summary>Value and gradient at a point.</summary>
    private sealed record Place(double[] Point, double Value, double[] Gradient)
    {
        public double[] Ahead(double[] direction, double step)
        {
            double[] ahead = [.. Point];
            Add(ahead, direction, step);
            return ahead;
        }
    }

    /// <summary>A step that was taken, s, the change of the gradient over it, y, and ⟨s, y⟩.</summary>
    private sealed record Step(double[] Move, double[] Change, double Product)
    {
        public static Step Between(Place from, Place to)
        {
            double[] move = [.. to.Point], change = [.. to.Gradient];
            Add(move, from.Point, -1);
            Add(change, from.Gradient, -1);
            return new Step(move, change, Dot(move, change));
        }
    }

    /// <summary>Evaluates, and keeps the lowest point seen; one that meets the tolerance ends the search.</summary>
    private sealed class Search(SoftmaxObjective objective, double strength, double tolerance, int maximumEvaluations)
    {
        private int _evaluations;
        private bool _converged;
        private Place _best = null!;

        public bool IsOver => _converged || _evaluations >= maximumEvaluations;

        public Solution Solution => new(_best.Point, _evaluations, _converged);

        public Place At(double[] point)
        {
            _evaluations++;
            var (value, gradient) = objective.Evaluate(point, strength);
            var place = new Place(point, value, gradient);
            double largest = 0;
            foreach (double entry in gradient)
                largest = Math.Max(largest, Math.Abs(entry));                                    // NaN stays NaN
            _converged = double.IsFinite(value) && largest <= tolerance * Math.Max(1, value);
            if (_best is null || _converged || value < _best.Value)
                _best = place;
            return place;
        }

        /// <summary>The point of a line that meets the Wolfe conditions; null where none does, or the search is over.</summary>
        public Place? Along(Place from, double[] direction, double step)
        {
            double slope = Dot(from.Gradient, direction);
            if (!(slope < 0))
                return null;
            // The minimum lies between the two, the upper one not known at first.
            (double Step, double Slope) low = (0, slope), high = (double.PositiveInfinity, double.NaN);
            for (int i = 0; i < MostOfLine && !IsOver; i++)
            {
                var place = At(from.Ahead(direction, step));
                double here = Dot(place.Gradient, direction);
                bool lower = place.Value <= from.Value + (Decrease * step * slope) + (Noise * Math.Abs(from.Value));
                if (lower && Math.Abs(here) <= SlopeLeft * -slope)
                    return place;
                if (lower && here < 0)
                    low = (step, here);
                else
                    high = (step, here);
                step = Next(low, high);
            }

            return null;
        }

        /// <summary>Where the slope is zero, were it a line; not too near to either end.</summary>
        private static double Next((double Step, double Slope) low, (double Step, double Slope) high)
        {
            if (double.IsInfinity(high.Step))
                return 4 * low.Step;
            double width = high.Step - low.Step;
            double share = high.Slope > 0 ? low.Slope / (low.Slope - high.Slope) : 0.5;
            return low.Step + (width * Math.Clamp(share, 0.1, 0.9));
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
