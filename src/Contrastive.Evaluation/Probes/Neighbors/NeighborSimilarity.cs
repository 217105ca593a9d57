namespace Contrastive.Evaluation;

/// <summary>How near a training row is to a query: the s of <see cref="NearestNeighborProbe"/>; higher is nearer.</summary>
public enum NeighborSimilarity
{
    /// <summary>The cosine of the angle between them; a zero row is at 0 from everything.</summary>
    Cosine,

    /// <summary>Their dot product.</summary>
    DotProduct,

    /// <summary>
    /// -‖x - y‖²/2, minus half the squared Euclidean distance. For rows of length 1 it is the cosine less 1, and so gives the
    /// same neighbours with the same weights.
    /// </summary>
    Euclidean,
}
