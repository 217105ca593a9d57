using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>Σ_j Σ_k exp(-t ‖x_j - x_k‖²) over all pairs of rows, j = k included, as its logarithm.</summary>
internal static class GaussianPotential
{
    /// <summary>Beyond this many rows the pairs are worked through in tiles, in memory O(N · D).</summary>
    public const long DenseRows = 1024;

    private const long TileRows = 512;

    /// <summary>A scalar; by whichever form suits the number of rows.</summary>
    public static Tensor LogSum(Tensor x, double t) => x.shape[0] <= DenseRows ? LogSumDense(x, t) : LogSumTiled(x, t);

    /// <summary>A scalar, differentiable to any order.</summary>
    public static Tensor LogSumDense(Tensor x, double t) => Exponents(x, x, t).flatten().logsumexp(0);

    /// <summary>
    /// A scalar in memory O(N · D). Value and gradient are worked out in one pass over tiles, so it can be differentiated
    /// once.
    /// </summary>
    /// <remarks>
    /// ∂ log S / ∂x_j = -4t/S (x_j Σ_k G_jk - Σ_k G_jk x_k). Every G is at most 1 and G_jj = 1, so S lies between N and N²
    /// and needs no logarithm on the way.
    /// </remarks>
    public static Tensor LogSumTiled(Tensor x, double t)
    {
        var needsGradient = x.requires_grad && is_grad_enabled();
        Tensor value;
        Tensor? gradient;
        using (no_grad())
        {
            var rows = x.detach();
            var total = zeros([], dtype: rows.dtype, device: rows.device);
            gradient = needsGradient ? empty_like(rows) : null;
            for (long start = 0; start < rows.shape[0]; start += TileRows)
            {
                using var tile = NewDisposeScope();
                var part = rows.narrow(0, start, Math.Min(TileRows, rows.shape[0] - start));
                var kernel = Exponents(part, rows, t).exp_();
                var sums = kernel.sum(dim: 1, keepdim: true);
                total.add_(sums.SumAll(), Scalars.One);
                gradient?.narrow(0, start, part.shape[0]).copy_(part.mul(sums).sub(kernel.matmul(rows)));
            }
            value = total.log();
            gradient = gradient?.Times(-4 * t).div(total);
        }
        if (gradient is null) return value;
        var surrogate = x.mul(gradient).SumAll();
        return surrogate.Plus(value.sub(surrogate.detach()));
    }

    private static Tensor Exponents(Tensor left, Tensor right, double t)
    {
        var lengths = left.Square().sum(dim: 1, keepdim: true).Plus(right.Square().sum(dim: 1));
        return lengths.add(left.matmul(right.t()), Scalars.MinusTwo).clamp_min(Scalars.Zero).Times(-t);
    }
}
