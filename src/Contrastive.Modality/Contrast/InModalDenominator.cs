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
    /// exp(1/τ), which dominates the sum at low temperatures; the positive is not in it, so the loss can be negative. Sample
    /// ids exclude nothing from it, and its N × N similarities are formed at once, whatever the tiling.
    /// </summary>
    AsPrinted,
}
