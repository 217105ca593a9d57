using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What the pairs of one block are to each other: bool masks (anchors, candidates). A pair is positive, negative or, if
/// neither, excluded.
/// </summary>
internal readonly record struct PairTile(Tensor Positive, Tensor Negative);
