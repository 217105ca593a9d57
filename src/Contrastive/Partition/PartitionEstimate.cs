using static TorchSharp.torch;

namespace Contrastive;

/// <summary>An estimate, and the change of state that goes with it but has not happened yet.</summary>
/// <remarks>
/// The two are apart so that a loss can work out everything, find whatever is wrong, and only then let any state change.
/// </remarks>
/// <param name="LogPartition">log Ẑ_i of each anchor, (m).</param>
/// <param name="LogSampledScale">
/// log c_i, (m): how many candidates of what Ẑ_i sums over each sampled candidate of the batch stands for in the M-step.
/// </param>
/// <param name="Commit">Stores what was learned; called at most once, and only in training. Null where there is nothing to store.</param>
public sealed record PartitionEstimate(Tensor LogPartition, Tensor LogSampledScale, Action? Commit = null)
{
    /// <summary>
    /// Whether <see cref="LogPartition"/> is relative to the reference of the sums it was made from, which keeps the digits of large
    /// similarities.
    /// </summary>
    internal bool IsRelative { get; init; }
}
