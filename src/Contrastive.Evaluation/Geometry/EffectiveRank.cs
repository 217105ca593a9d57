using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How many dimensions features use: RankMe (Q. Garrido et al., "RankMe: Assessing the Downstream Performance of Pretrained Self-Supervised
/// Representations by Their Rank", ICML 2023, §3.2; O. Roy and M. Vetterli, 2007).
/// From 1, where all rows lie on one line through the origin, to min(N, D), where all directions are used alike.
/// </summary>
/// <remarks>
/// <para>
/// $$\exp\!\left( -\sum_k p_k \log p_k \right), \qquad p_k = \frac{\sigma_k}{\sum_l \sigma_l} + 10^{-7}$$
/// σ are the singular values of the matrix of features.</para>
/// </remarks>
public static class EffectiveRank
{
    // Theirs, of float32.
    private const double Epsilon = 1e-7;

    /// <summary>The effective rank of one set of features.</summary>
    /// <param name="x">Features of shape <c>(N, D)</c>, N ≥ 1; not centred. Any floating-point dtype and device.</param>
    /// <returns>The effective rank; 1 where all features are 0.</returns>
    /// <remarks>In float64, from the eigenvalues of the smaller Gram matrix: memory is O(min(N, D)²).</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not a floating-point matrix, has no rows, or holds NaN or infinity.</exception>
    public static double Compute(Tensor x)
    {
        Guard.Features(x);
        Checks.Rows(x, 1);
        Checks.Finite(x);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        double scale = ScoredRows.PowerOfTwo(x);
        double[] values = [.. ScoredRows.Doubles(linalg.eigvalsh(Gram(x, scale))).Select(value => Math.Sqrt(Math.Max(0, value)))];
        double sum = values.Sum();
        if (sum == 0)
            return 1;
        // What rounding makes of an eigenvalue 0 is the root of an ε.
        double least = values.Max() * 1e-7;
        return Math.Exp(-values.Select(value => value < least ? Epsilon : (value / sum) + Epsilon).Sum(p => p * Math.Log(p)));
    }

    private static Tensor Gram(Tensor x, double scale)
    {
        if (x.shape[0] < x.shape[1])
        {
            var rows = ScoredRows.Exact(x).Times(scale);
            return rows.matmul(rows.t());
        }

        Tensor? gram = null;
        foreach (var (first, count) in Runs.Of(x.shape[0], Chunks.Size(null, x.shape[1], elements: 1 << 21)))
        {
            using var run = NewDisposeScope();
            var rows = ScoredRows.Exact(x.narrow(0, first, count)).Times(scale);
            gram ??= zeros(x.shape[1], x.shape[1], dtype: ScalarType.Float64, device: rows.device).MoveToOuterDisposeScope();
            gram.addmm_(rows.t(), rows, 1, 1);
        }

        return gram!;
    }
}
