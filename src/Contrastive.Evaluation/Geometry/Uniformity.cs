using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How evenly features spread over the sphere: the logarithm of the mean Gaussian potential over all pairs (T. Wang and
/// P. Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere",
/// ICML 2020, §4.1). Lower is better; 0 when all features coincide.
/// </summary>
/// <remarks>
/// <para>
/// $$\log \operatorname*{mean}_{i \lt j} \exp\!\left( -t \, \lVert x_i - x_j \rVert^2 \right)$$
/// </para>
/// </remarks>
public static class Uniformity
{
    /// <summary>The uniformity of one set of features.</summary>
    /// <param name="x">Features of shape <c>(N, D)</c>, N ≥ 2. float16 and bfloat16 are computed in float32; any device.</param>
    /// <param name="t">The sharpness of the potential. Range: t > 0.</param>
    /// <param name="normalize">Whether rows are divided by their length first; a zero row stays zero.</param>
    /// <param name="chunkSize">
    /// Rows compared with all later ones at once, at least 1; the memory needed beyond the features is about
    /// 12 · chunkSize · N bytes in float32. Left out: as many as fit into 96 MiB. The result does not depend on it.
    /// </param>
    /// <remarks>
    /// All in log space: no potential vanishes, however large t is. Distances of normalised rows come from a matrix product;
    /// otherwise from differences, which is slower but loses no digits far from the origin.
    /// </remarks>
    /// <returns>The uniformity, ≤ 0; at least -4t for normalised features.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> is not a floating-point matrix, has fewer than 2 rows, or holds NaN or infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="t"/> is not positive and finite, or <paramref name="chunkSize"/> is below 1.
    /// </exception>
    public static double Compute(Tensor x, double t = 2, bool normalize = true, long? chunkSize = null)
    {
        Guard.Features(x);
        Checks.Rows(x, 2);
        Guard.Positive(t);
        Checks.Chunk(chunkSize);
        Checks.Finite(x);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = ScoredRows.Prepare(x, normalize);
        long count = rows.shape[0];
        double logSum = double.NegativeInfinity;
        foreach (var (start, length) in Runs.Of(count, Chunks.Size(chunkSize, count, elements: 1 << 23)))
        {
            using var tile = NewDisposeScope();
            var later = rows.narrow(0, start, count - start);
            var squares = SquaredDistances(rows.narrow(0, start, length), later, normalize);   // (length, N - start)
            var exponents = squares.Times(-t);
            var earlierOrSame = ones(length, length, dtype: ScalarType.Bool, device: rows.device).tril();
            exponents.narrow(1, 0, length).masked_fill_(earlierOrSame, Scalars.NegativeInfinity);
            var perRow = exponents.logsumexp(1).cpu().to_type(ScalarType.Float64);
            logSum = LogAddExp(logSum, perRow.logsumexp(0).item<double>());
        }

        return logSum - Math.Log(count * (count - 1.0) / 2);
    }

    private static Tensor SquaredDistances(Tensor left, Tensor right, bool normalized)
    {
        if (!normalized)
            return cdist(left, right, 2, compute_mode.donot_use_mm_for_euclid_dist).Square();

        var lengths = left.Square().sum(dim: 1, keepdim: true).Plus(right.Square().sum(dim: 1));
        return lengths.add_(left.matmul(right.t()), Scalars.MinusTwo).clamp_min_(Scalars.Zero);
    }

    private static double LogAddExp(double a, double b)
    {
        double larger = Math.Max(a, b);
        return double.IsNegativeInfinity(larger) ? larger : larger + Math.Log(Math.Exp(a - larger) + Math.Exp(b - larger));
    }
}
