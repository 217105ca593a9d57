namespace Contrastive;

/// <summary>How the auxiliary variable u_i of the gamma augmentation is chosen, given the estimate Ẑ_i.</summary>
public enum EStep
{
    /// <summary>
    /// Its posterior mean k/Ẑ_i: the Rao-Blackwellised step. It has the fixed points of the sampled one, less variance, and
    /// needs no random numbers.
    /// </summary>
    PosteriorMean,

    /// <summary>A draw from Gamma(k, rate Ẑ_i), as published.</summary>
    Sampled,
}
