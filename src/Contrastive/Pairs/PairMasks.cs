using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The pairs of a block by the sum they enter: positives have a linear term; known pairs stand for themselves, sampled ones for
/// others of the population as well; all others are excluded. Bool masks (anchors, candidates).
/// </summary>
internal readonly record struct PairMasks(Tensor Positive, Tensor Known, Tensor Sampled);

/// <summary>How many known, sampled and positive candidates each anchor has, (n), in the dtype of the sums.</summary>
internal readonly record struct PairCounts(Tensor Known, Tensor Sampled, Tensor Positive)
{
    public PairCounts Select(Tensor rows) => new(Known.index_select(0, rows), Sampled.index_select(0, rows), Positive.index_select(0, rows));
}
