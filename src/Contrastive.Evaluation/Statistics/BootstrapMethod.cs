namespace Contrastive.Evaluation;

/// <summary>How a bootstrap interval is read off the resamples.</summary>
public enum BootstrapMethod
{
    /// <summary>
    /// BCa, bias-corrected and accelerated: the quantiles are moved for the bias and the skewness of the statistic (B. Efron,
    /// "Better Bootstrap Confidence Intervals", JASA 82, 1987). Needs the statistic once more without each item.
    /// </summary>
    BiasCorrected,

    /// <summary>The quantiles of the resamples themselves.</summary>
    Percentile,
}
