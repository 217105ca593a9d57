namespace Contrastive;

/// <summary>Where the sum over an anchor's several positives stands (Khosla et al. 2020, equations 2 and 3).</summary>
public enum PositiveSum
{
    /// <summary>
    /// Outside the logarithm, the mean over positives of -log( exp(s_ip) / Σ_a exp(s_ia) ): every positive has to be close.
    /// </summary>
    OutsideLog,

    /// <summary>
    /// Inside, -log( 1/|P(i)| Σ_p exp(s_ip) / Σ_a exp(s_ia) ): one close positive is enough.
    /// </summary>
    InsideLog,
}
