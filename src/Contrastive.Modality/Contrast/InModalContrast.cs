using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>L_V2V, the contrast of one modality's features with their own augmentations, a scalar.</summary>
internal static class InModalContrast
{
    /// <summary>mean_j -log( exp(⟨v_j, v^a_j⟩/τ) / Σ_k exp(⟨v_j, v^a_k⟩/τ) ).</summary>
    public static (Tensor Loss, long SkippedAnchors) Usual(Tensor features, Tensor augmented, InfoNCELoss loss, Tensor? sampleIds)
    {
        var result = loss.Evaluate(features, augmented, sampleIds);
        return (result.Loss, result.SkippedAnchors);
    }

    /// <summary>mean_j -log( exp(⟨v_j, p_j⟩/τ) / Σ_k exp(⟨v_j, v_k⟩/τ) ), k = j included; p is v^a, or v itself. Skips none.</summary>
    public static Tensor AsPrinted(Tensor features, Tensor positives, Temperature temperature, bool normalize = true)
    {
        var (v, p) = (Prepare(features), Prepare(positives));
        var scaled = temperature.Scale(v);
        return scaled.matmul(v.t()).logsumexp(1).sub(scaled.mul(p).sum(dim: 1)).mean();

        // Autograd refuses to keep what was made in inference mode, as rows that are used as given may be. A copy is none.
        Tensor Prepare(Tensor rows) => normalize ? UnitRows.Of(rows) : UnitRows.Widen(rows).clone();
    }
}
