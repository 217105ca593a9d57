using static TorchSharp.torch;

namespace Contrastive;

/// <summary>How many known, sampled and positive candidates each anchor has, (n), in the dtype of the sums.</summary>
internal readonly record struct PairCounts(Tensor Known, Tensor Sampled, Tensor Positive);
