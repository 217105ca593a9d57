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

    /// <param name="x">(N, D).</param>
    /// <param name="t">The sharpness of the kernel.</param>
    /// <param name="temperature">1/(2t).</param>
    /// <param name="selfPairs">Whether j = k counts.</param>
    /// <param name="tiling">How the pairs are worked through.</param>
    public static Tensor LogSum(Tensor x, double t, Temperature temperature, bool selfPairs, Tiling tiling)
    {
        var count = x.shape[0];
        var lengths = Lengths(x).Times(-t);
        var map = PairMap.Negatives(count, count).WithLogitBias(lengths).ExcludeSelf();

        // The sum is the same seen from either side, and so is its gradient: one side's, twice, saves a product.
        var whole = PairContrast.TakesWhole(map, tiling);
        var contrast = PairContrast.Of(
            new SimilarityInputs(x, whole ? x : x.detach(), SimilarityMeasure.Cosine, temperature),
            map, PositiveSampling.Complete, bothDirections: false, nn.Reduction.Sum, tiling);

        // The pairs j = k are 1 each, which needs no computing. Without them the sum may be too small to form: then it is formed in
        // units of itself.
        Tensor? unit = selfPairs || 4 * t <= SafeExponent ? null : contrast.Sums.Anchors.LogSampled.Plus(lengths).logsumexp(0);
        var sum = contrast.Loss(new DirectionLoss(PerAnchor, PairPresence.All), null, nn.Reduction.Sum);
        var log = selfPairs ? sum.Plus(count).log() : unit is null ? sum.log() : sum.log().Plus(unit);
        return whole ? log : log.Plus(log).sub(log.detach());

        Tensor PerAnchor(PairSums sums, long first, Tensor? _)
        {
            var exponents = sums.LogSampled.Plus(lengths.narrow(0, first, sums.LogSampled.shape[0]));
            return (unit is null ? exponents : exponents.sub(unit)).exp();
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
