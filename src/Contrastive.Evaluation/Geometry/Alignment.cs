using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How close the two features of a positive pair lie (T. Wang and P. Isola, "Understanding Contrastive Representation
/// Learning through Alignment and Uniformity on the Hypersphere", ICML 2020, §4.1). Lower is better; 0 when every pair coincides.
/// </summary>
/// <remarks>
/// <para>
/// $$\operatorname*{mean}_i \lVert x_i - y_i \rVert^\alpha$$
/// </para>
/// </remarks>
public static class Alignment
{
    /// <summary>The alignment of pairs.</summary>
    /// <param name="x">Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device.</param>
    /// <param name="y">Features of shape <c>(N, D)</c>; row i and row i of <paramref name="x"/> are a positive pair.</param>
    /// <param name="alpha">The exponent α. Range: α > 0.</param>
    /// <param name="normalize">Whether rows are divided by their length first; a zero row stays zero.</param>
    /// <returns>The alignment, ≥ 0; at most 2^α for normalised features.</returns>
    /// <exception cref="ArgumentNullException">A feature matrix is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same shape, dtype and device, have no rows, or hold NaN or
    /// infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="alpha"/> is not positive and finite.</exception>
    public static double Compute(Tensor x, Tensor y, double alpha = 2, bool normalize = true)
    {
        Guard.Features(x);
        Guard.Features(y);
        Guard.Comparable(x, y);
        Guard.SameRows(x, y);
        Checks.Rows(x, 1);
        Guard.Positive(alpha);
        Checks.Finite(x);
        Checks.Finite(y);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var half = (alpha / 2).ToScalar();
        double sum = 0;
        foreach (var (start, length) in Runs.Of(x.shape[0], Chunks.Size(null, x.shape[1], elements: 1 << 22)))
        {
            using var tile = NewDisposeScope();
            var difference = ScoredRows.Prepare(x.narrow(0, start, length), normalize)
                - ScoredRows.Prepare(y.narrow(0, start, length), normalize);
            sum += ScoredRows.Sum(difference.Square().sum(dim: 1).pow(half));
        }

        return sum / x.shape[0];
    }
}
