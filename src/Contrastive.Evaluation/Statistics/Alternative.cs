namespace Contrastive.Evaluation;

/// <summary>What a paired test holds against "the differences are symmetric around 0".</summary>
public enum Alternative
{
    /// <summary>The values are larger, or smaller, than the baseline's.</summary>
    TwoSided,

    /// <summary>The values are larger than the baseline's.</summary>
    Greater,

    /// <summary>The values are smaller than the baseline's.</summary>
    Less,
}
