using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>L_V2V, the contrast of one modality's features with their own augmentations.</summary>
internal static class InModalContrast
{
    /// <summary>The loss that computes it; as printed it is decoupled, as the positive is not in the denominator.</summary>
    public static InfoNCELoss Create(
        InModalDenominator denominator, Temperature? temperature, SimilarityMeasure similarity, MissingPairs missingPairs)
        => new(temperature, similarity: similarity, missingPairs: missingPairs, decoupled: denominator == InModalDenominator.AsPrinted);

    /// <summary>
    /// mean_j -log( exp(⟨v_j, p_j⟩/τ) / Σ_k exp(⟨v_j, c_k⟩/τ) ): c = p in the usual form, c = v, k = j included, as printed.
    /// </summary>
    /// <param name="loss">From <see cref="Create"/>.</param>
    /// <param name="features">v, (N, D).</param>
    /// <param name="positives">p, (N, D): those of the augmentation or, as printed, the features themselves.</param>
    /// <param name="sampleIds">For the usual form.</param>
    public static ContrastiveResult Of(InfoNCELoss loss, Tensor features, Tensor positives, Tensor? sampleIds)
        => loss.Decoupled ? loss.EvaluateNegatives(features, positives, features) : loss.Evaluate(features, positives, sampleIds);
}

/// <summary>Over which features the denominator of an in-modal contrast runs.</summary>
public enum InModalDenominator
{
    /// <summary>
    /// The usual form: the augmented features of all items, v^a_k, so that the positive ⟨v_j, v^a_j⟩ is one of the candidates.
    /// </summary>
    Augmented,

    /// <summary>
    /// As printed (Jiang et al. 2023, equation 2): v_k of all items, v_j itself among them. Its term is the constant
    /// exp(1/τ), which dominates the sum at low temperatures. The positive is not in the sum; of unit rows it is no larger than
    /// that term, so the loss is at least 0, and with <see cref="SimilarityMeasure.DotProduct"/> it can be negative. Sample ids
    /// exclude nothing from it, and no anchor is skipped.
    /// </summary>
    AsPrinted,
}
