namespace Contrastive.Modality;

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
    /// exclude nothing from it, no anchor is skipped, and its N × N similarities are formed at once, whatever the tiling.
    /// </summary>
    AsPrinted,
}
