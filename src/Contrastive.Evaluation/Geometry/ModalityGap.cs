using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The distance between the centres of two modalities' features (W. Liang et al., "Mind the Gap: Understanding the Modality
/// Gap in Multi-modal Contrastive Representation Learning", NeurIPS 2022, §2).
/// </summary>
/// <remarks>
/// <para>
/// $$\left\lVert \operatorname*{mean}_i x_i - \operatorname*{mean}_j y_j \right\rVert$$
/// </para>
/// </remarks>
public static class ModalityGap
{
    /// <summary>The gap between two sets of features.</summary>
    /// <param name="x">Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device.</param>
    /// <param name="y">Features of shape <c>(M, D)</c>, M ≥ 1; the rows need not belong together.</param>
    /// <param name="normalize">Whether rows are divided by their length first; a zero row stays zero.</param>
    /// <returns>The gap, ≥ 0; at most 2 for normalised features.</returns>
    /// <exception cref="ArgumentNullException">A feature matrix is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same width, dtype and device, have no rows, or hold NaN or
    /// infinity.
    /// </exception>
    public static double Compute(Tensor x, Tensor y, bool normalize = true)
    {
        Guard.Features(x);
        Guard.Features(y);
        Guard.Comparable(x, y);
        Checks.Rows(x, 1);
        Checks.Rows(y, 1);
        Checks.Finite(x);
        Checks.Finite(y);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return (Centre(x, normalize) - Centre(y, normalize)).norm(-1, keepdim: false, 2).item<double>();
    }

    private static Tensor Centre(Tensor features, bool normalize)
    {
        var sum = zeros(features.shape[1], dtype: ScalarType.Float64);
        foreach (var (start, length) in Runs.Of(features.shape[0], Chunks.Size(null, features.shape[1], elements: 1 << 22)))
        {
            using var chunk = NewDisposeScope();
            var rows = ScoredRows.Prepare(features.narrow(0, start, length), normalize);
            sum.add_(rows.sum(dim: 0).cpu().to_type(ScalarType.Float64), Scalars.One);
        }

        return sum.Times(1.0 / features.shape[0]);
    }
}
