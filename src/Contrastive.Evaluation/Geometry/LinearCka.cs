using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How alike two representations of the same items are, whatever their rotation and scale: linear centred kernel alignment (S. Kornblith et
/// al., "Similarity of Neural Network Representations Revisited", ICML 2019, §3). In [0, 1]; 1 where one is the other, rotated and scaled.
/// </summary>
/// <remarks>
/// <para>
/// $$\frac{\lVert Y^\top X \rVert_F^2}{\lVert X^\top X \rVert_F \, \lVert Y^\top Y \rVert_F}$$
/// The columns of both are centred.</para>
/// </remarks>
public static class LinearCka
{
    /// <summary>The similarity of two representations.</summary>
    /// <param name="x">Features of shape <c>(N, D)</c>, N ≥ 2. Any floating-point dtype and device.</param>
    /// <param name="y">Features of shape <c>(N, E)</c> of the same items, of the same device; the widths need not be the same.</param>
    /// <returns>The similarity; NaN where the rows of one side are all the same.</returns>
    /// <remarks>In float64; memory is O((D + E)²). It is biased upwards where N is not far above D and E.</remarks>
    /// <exception cref="ArgumentNullException">A feature matrix is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of as many rows on one device, have fewer than 2 rows, or hold NaN or infinity.
    /// </exception>
    public static double Compute(Tensor x, Tensor y)
    {
        Guard.Features(x);
        Guard.Features(y);
        Guard.SameRows(x, y);
        Guard.SameDevice(x, y);
        Checks.Rows(x, 2);
        Checks.Finite(x);
        Checks.Finite(y);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        double xScale = ScoredRows.PowerOfTwo(x), yScale = ScoredRows.PowerOfTwo(y);
        Tensor xMean = Mean(x, xScale), yMean = Mean(y, yScale);
        var both = zeros(x.shape[1] + y.shape[1], x.shape[1] + y.shape[1], dtype: ScalarType.Float64, device: xMean.device);
        foreach (var (first, count) in Runs.Of(x.shape[0], Chunks.Size(null, x.shape[1] + y.shape[1], elements: 1 << 21)))
        {
            using var run = NewDisposeScope();
            var left = ScoredRows.Exact(x.narrow(0, first, count)).Times(xScale) - xMean;
            var right = ScoredRows.Exact(y.narrow(0, first, count)).Times(yScale) - yMean;
            var rows = cat([left, right], 1);
            both.addmm_(rows.t(), rows, 1, 1);
        }

        double Square(long row, long rows, long column, long columns)
            => both.narrow(0, row, rows).narrow(1, column, columns).Square().SumAll().item<double>();
        long d = x.shape[1], e = y.shape[1];
        double xx = Square(0, d, 0, d), yy = Square(d, e, d, e), xy = Square(0, d, d, e);
        // What rounding leaves of a constant is no variance.
        double least = Math.Pow(1e-14 * x.shape[0], 2);
        return xx <= least || yy <= least ? double.NaN : Math.Min(1, xy / Math.Sqrt(xx) / Math.Sqrt(yy));
    }

    private static Tensor Mean(Tensor features, double scale)
    {
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        foreach (var (first, count) in Runs.Of(features.shape[0], Chunks.Size(null, features.shape[1], elements: 1 << 21)))
        {
            using var run = NewDisposeScope();
            var part = ScoredRows.Exact(features.narrow(0, first, count)).Times(scale).sum(dim: 0);
            sum = (sum is null ? part : sum.Plus(part)).MoveToOuterDisposeScope();
        }

        return sum!.Times(1.0 / features.shape[0]).MoveToOuterDisposeScope();
    }
}
