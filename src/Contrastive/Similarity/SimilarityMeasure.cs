namespace Contrastive;

/// <summary>How two feature vectors are compared.</summary>
public enum SimilarityMeasure
{
    /// <summary>
    /// The cosine of the angle between them: rows are divided by their length. A zero row has no direction; its
    /// similarity is 0 with everything and no gradient reaches it. (So it is with a row whose squared length is beyond the
    /// dtype, in float32 one shorter than about 1e-22 or longer than 1e19.)
    /// </summary>
    Cosine,

    /// <summary>Their dot product, as given: for features that are normalised already, or are meant not to be.</summary>
    DotProduct,
}
