using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Σ_j Σ_k exp(-t ‖x_j - x_k‖²) of unit rows, as its logarithm. It is a contrast of the rows with themselves in which all pairs
/// are negatives: -t ‖x_j - x_k‖² = ⟨x_j, x_k⟩ / τ - t ‖x_j‖² - t ‖x_k‖² with 1/τ = 2t. Of unit rows the lengths are 1, and of
/// zero rows 0, whatever their directions.
/// </summary>
internal static class UniformityEquation
{
    /// <summary>exp of the least exponent, -4t, times many rows and small gradients, is still a normal float32.</summary>
    private const double SafeExponent = 60;

    /// <summary>The logarithm of the mean over the pairs.</summary>
    /// <param name="x">(N, D).</param>
    /// <param name="t">The sharpness of the kernel.</param>
    /// <param name="selfPairs">Whether j = k counts.</param>
    /// <param name="tiling">How the pairs are worked through.</param>
    public static Tensor Of(Tensor x, double t, bool selfPairs, Tiling tiling)
    {
        Guard.Features(x);
        var (count, least) = (x.shape[0], selfPairs ? 1 : 2);
        if (count < least) throw new ArgumentException($"x must have at least {least} rows but has {count}", nameof(x));

        using var scope = NewDisposeScope();
        var pairs = selfPairs ? count * (double)count : count * (count - 1.0);
        return LogSum(x, t, selfPairs, tiling).Plus(-Math.Log(pairs)).MoveToOuterDisposeScope();
    }

    /// <param name="x">(N, D).</param>
    /// <param name="t">The sharpness of the kernel.</param>
    /// <param name="selfPairs">Whether j = k counts.</param>
    /// <param name="tiling">How the pairs are worked through.</param>
    private static Tensor LogSum(Tensor x, double t, bool selfPairs, Tiling tiling)
    {
        var count = x.shape[0];
        var lengths = Lengths(x).Times(-t);
        var map = PairMap.Negatives(count, count).WithSymmetricBias(lengths).ExcludeSelf();
        var matrix = SimilarityMatrix.Of(
            new FeatureRows(x, SimilarityMeasure.Cosine), new FeatureRows(x, SimilarityMeasure.Cosine), LogitScale.Of(0.5 / t), new PairTerms(map), tiling);

        // The pairs j = k are 1 each, which needs no computing. Without them the sum may be too small to form: then it is formed in
        // units of itself, which takes all sums first.
        Tensor sum, unit = zeros([], dtype: lengths.dtype, device: lengths.device);
        if (selfPairs || 4 * t <= SafeExponent)
        {
            sum = AnchorLosses.Of(matrix, (sums, _, _) => PerAnchor(sums), nn.Reduction.Sum).Loss;
        }
        else
        {
            var sums = matrix.Sum(bothDirections: false);
            unit = Exponents(sums.Anchors).detach().logsumexp(0);
            var losses = PerAnchor(sums.Anchors);
            sum = losses.Reduce(nn.Reduction.Sum);
            if (matrix.NeedsPullBack) sums.PullBack(losses.Derivatives(), null);
            sum = matrix.Attach(sum, 1);
        }
        return (selfPairs ? sum.Plus(count) : sum).log().Plus(unit);

        static Tensor Exponents(PairSums sums) => sums.Absolute(sums.LogNegatives);

        AnchorLosses PerAnchor(PairSums sums)
        {
            var terms = Exponents(sums).sub(unit).exp();
            return new AnchorLosses(terms, SkippedAnchors.None, () => new SumDerivatives(null, terms, null));
        }
    }

    /// <summary>‖x_j‖² of the rows at unit length, (N): 1, or 0 of a zero row.</summary>
    private static Tensor Lengths(Tensor x)
    {
        using var constant = no_grad();
        var wide = UnitRows.Widen(x.detach());
        return UnitRows.Lengths(wide).isfinite().squeeze(1).to(wide.dtype);
    }
}
