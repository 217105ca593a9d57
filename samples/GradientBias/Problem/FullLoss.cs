namespace Contrastive.Samples.GradientBias;

/// <summary>
/// L(W) = mean_i [ -s_ii + log Σ_j exp(s_ij) ],  s_ij = cos(x_i, y_j W) / τ: every anchor against all N candidates, without
/// added noise, in float64. What the runs are judged by and what the optimum is sought of; written without the library, so
/// that it judges it.
/// </summary>
internal sealed class FullLoss
{
    private readonly int _pairs;
    private readonly int _width;
    private readonly double[] _anchors;
    private readonly double[] _inputs;

    public FullLoss(SyntheticProblem problem)
    {
        _pairs = problem.X.GetLength(0);
        _width = problem.X.GetLength(1);
        _anchors = [.. problem.X.Cast<double>()];
        _inputs = [.. problem.Y.Cast<double>()];
        for (var i = 0; i < _pairs; i++)
            Normalize(Row(_anchors, i));
    }

    public int ParameterCount => _width * _width;

    /// <param name="weights">W, row by row.</param>
    public double Value(ReadOnlySpan<double> weights) => Evaluate(weights, []);

    /// <param name="weights">W, row by row.</param>
    /// <param name="gradient">∂L/∂W, row by row, is written here.</param>
    public double ValueAndGradient(ReadOnlySpan<double> weights, Span<double> gradient)
    {
        if (gradient.Length != ParameterCount)
            throw new ArgumentException($"gradient has {gradient.Length} values but W has {ParameterCount}", nameof(gradient));
        return Evaluate(weights, gradient);
    }

    private double Evaluate(ReadOnlySpan<double> weights, Span<double> gradient)
    {
        var candidates = new double[_pairs * _width];
        var lengths = new double[_pairs];
        for (var j = 0; j < _pairs; j++)
        {
            var candidate = Row(candidates, j);
            for (var k = 0; k < _width; k++)
                AddScaled(candidate, weights.Slice(k * _width, _width), _inputs[j * _width + k]);
            lengths[j] = Normalize(candidate);
        }

        var loss = 0.0;
        var share = new double[_pairs];
        var candidateGradient = new double[gradient.IsEmpty ? 0 : _pairs * _width];
        for (var i = 0; i < _pairs; i++)
        {
            var anchor = Row(_anchors, i);
            for (var j = 0; j < _pairs; j++)
                share[j] = Dot(anchor, Row(candidates, j)) / SyntheticProblem.Temperature;
            var positive = share[i];
            var largest = share.Max();
            var sum = 0.0;
            for (var j = 0; j < _pairs; j++)
                sum += share[j] = Math.Exp(share[j] - largest);
            loss += largest + Math.Log(sum) - positive;

            if (gradient.IsEmpty)
                continue;
            // ∂ℓ_i/∂s_ij = p_ij - [i = j], and s_ij = <x_i, b_j> / τ.
            for (var j = 0; j < _pairs; j++)
                AddScaled(Row(candidateGradient, j), anchor, (share[j] / sum - (i == j ? 1 : 0)) / SyntheticProblem.Temperature);
        }

        if (!gradient.IsEmpty)
            Backward(candidates, lengths, candidateGradient, gradient);
        return loss / _pairs;
    }

    /// <summary>From ∂/∂b_j of the sum over anchors, b_j = y_j W / |y_j W|, to ∂/∂W of the mean.</summary>
    private void Backward(double[] candidates, double[] lengths, double[] candidateGradient, Span<double> gradient)
    {
        gradient.Clear();
        for (var j = 0; j < _pairs; j++)
        {
            var direction = Row(candidates, j);
            var pull = Row(candidateGradient, j);
            AddScaled(pull, direction, -Dot(pull, direction));
            for (var k = 0; k < _width; k++)
                AddScaled(gradient.Slice(k * _width, _width), pull, _inputs[j * _width + k] / (lengths[j] * _pairs));
        }
    }

    private Span<double> Row(double[] matrix, int row) => matrix.AsSpan(row * _width, _width);

    private static double Normalize(Span<double> vector)
    {
        var length = Math.Sqrt(Dot(vector, vector));
        foreach (ref var value in vector)
            value /= length;
        return length;
    }

    private static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        var sum = 0.0;
        for (var k = 0; k < left.Length; k++)
            sum += left[k] * right[k];
        return sum;
    }

    private static void AddScaled(Span<double> target, ReadOnlySpan<double> values, double scale)
    {
        for (var k = 0; k < target.Length; k++)
            target[k] += scale * values[k];
    }
}
