using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Multinomial logistic regression as a function to minimise, of the weights W (C, D) and biases b (C):
/// <code>1/n Σ_i [log Σ_c exp(w_c·x_i + b_c) - w_{y_i}·x_i - b_{y_i}] + λ/2 ‖W‖²</code>
/// All in float64 on the CPU. The parameters are one flat vector, the rows (w_c, b_c) one after the other.
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
        var classNumbers = TensorArithmetic.Range(0, classes, CPU).unsqueeze(1);
        var sums = zeros(classes, design.shape[1], dtype: ScalarType.Float64);
        foreach (var (start, length) in Runs.Of(design.shape[0], _chunk))
        {
            using var tile = NewDisposeScope();
            var member = labels.narrow(0, start, length).eq(classNumbers).to_type(ScalarType.Float64);    // (C, length)
            sums.add_(member.matmul(design.narrow(0, start, length)), Scalars.One);
        }

        _classSums = sums.data<double>().ToArray();
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
        var parameters = tensor(point, dtype: ScalarType.Float64).reshape(Classes, columns);
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
        double[] gradient = expectedSums.data<double>().ToArray();
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
