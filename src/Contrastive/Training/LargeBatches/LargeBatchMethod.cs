namespace Contrastive;

/// <summary>How <see cref="LargeBatchStep"/> gets from a loss of the whole batch to the micro-batches. Both are exact.</summary>
public enum LargeBatchMethod
{
    /// <summary>
    /// The loss is differentiated by the features of the whole batch once, and the gradients, as large as the features, are kept for the
    /// micro-batches. For every loss.
    /// </summary>
    CachedGradients,

    /// <summary>
    /// The loss is a sum over pairs, so each micro-batch adds the pairs it is in, when its turn comes: its anchors with all
    /// candidates, and all anchors with its candidates. Neither gradients of features nor tiles are kept, and the loss takes five
    /// matrix products instead of three. For <see cref="GammaContrastiveLoss"/>.
    /// </summary>
    Accumulation,
}
