using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What an estimator sees of a batch. Nothing in it has a graph.</summary>
public sealed class PartitionObservation
{
    /// <summary>Creates an observation.</summary>
    /// <param name="sums">The sums over the batch's candidates.</param>
    /// <param name="scaledAnchors">(m, D), as similarities use them.</param>
    /// <param name="sampleIds">(m) integers, or null.</param>
    public PartitionObservation(PartitionSums sums, Tensor scaledAnchors, Tensor? sampleIds)
    {
        Sums = sums;
        ScaledAnchors = scaledAnchors;
        SampleIds = sampleIds;
    }

    /// <summary>The sums over the batch's candidates.</summary>
    public PartitionSums Sums { get; }

    /// <summary>The anchors as similarities use them, (m, D): normalised where the loss asks for it, divided by τ.</summary>
    public Tensor ScaledAnchors { get; }

    /// <summary>Which sample each anchor is, (m) integers, if the caller said so.</summary>
    public Tensor? SampleIds { get; }

    /// <summary>Whether it is known that no two anchors are one sample.</summary>
    internal bool DistinctSamples { get; init; }
}
