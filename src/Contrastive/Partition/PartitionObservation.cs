using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What an estimator sees of a batch. Nothing in it has a graph.</summary>
public sealed class PartitionObservation
{
    /// <summary>Creates an observation.</summary>
    /// <param name="sums">The sums over the batch's candidates.</param>
    /// <param name="anchors">(m, D), as similarities compare them: normalised where the loss asks for it.</param>
    /// <param name="logitScale">1/τ.</param>
    /// <param name="sampleIds">(m) integers, or null.</param>
    public PartitionObservation(PartitionSums sums, Tensor anchors, double logitScale, Tensor? sampleIds)
        : this(sums, () => anchors, Contrastive.LogitScale.Of(1 / logitScale), sampleIds)
    {
    }

    internal PartitionObservation(PartitionSums sums, Func<Tensor> anchors, Contrastive.LogitScale scale, Tensor? sampleIds)
    {
        (Sums, _anchors, Scale, SampleIds) = (sums, anchors, scale, sampleIds);
    }

    private readonly Func<Tensor> _anchors;

    /// <summary>The sums over the batch's candidates.</summary>
    public PartitionSums Sums { get; }

    /// <summary>
    /// The anchors as similarities compare them, (m, D): normalised where the loss asks for it, not divided by τ. So are the
    /// candidates that <see cref="PartitionEstimator.Observe"/> gets.
    /// </summary>
    public Tensor Anchors => field ??= _anchors();

    /// <summary>1/τ, which the similarities of the anchors with any candidates are to be multiplied by. May wait for the device.</summary>
    public double LogitScale => Scale.Value;

    /// <summary>Which sample each anchor is, (m) integers, if the caller said so.</summary>
    public Tensor? SampleIds { get; }

    /// <summary>1/τ without a look at the device.</summary>
    internal Contrastive.LogitScale Scale { get; }

    /// <summary>Whether it is known that no two anchors are one sample.</summary>
    internal bool DistinctSamples { get; init; }
}
