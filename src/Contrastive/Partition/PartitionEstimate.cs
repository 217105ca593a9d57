using static TorchSharp.torch;

namespace Contrastive;

/// <summary>An estimate, and the change of state that goes with it but has not happened yet.</summary>
/// <remarks>
/// The two are apart so that a loss can work out everything, find whatever is wrong, and only then let any state change.
/// </remarks>
/// <param name="LogPartition">log Ẑ_i of each anchor, (m).</param>
/// <param name="Commit">Stores what was learned; called at most once, and only in training. Null where there is nothing to store.</param>
public sealed record PartitionEstimate(Tensor LogPartition, Action? Commit = null);
