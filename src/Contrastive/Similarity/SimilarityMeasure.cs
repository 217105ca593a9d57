namespace Contrastive;

/// <summary>How two feature vectors are compared.</summary>
public enum SimilarityMeasure
{
    /// <summary>
    /// The cosine of the angle between them: rows are divided by their length. A zero row has no direction; its
    /// similarity is 0 with everything and no gradient reaches it.
    /// </summary>
    Cosine,

    /// <summary>Their dot product, as given: for features that are normalised already, or are meant not to be.</summary>
    DotProduct,
}
