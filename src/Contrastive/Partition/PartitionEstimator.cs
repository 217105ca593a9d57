using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Keeps log Ẑ_i, the estimate of an anchor's partition function over the whole population, from what batches show of it.
/// </summary>
/// <remarks>
/// Which one to take depends on what can be kept: <see cref="PartitionTable"/> one number per sample,
/// <see cref="PartitionQueue"/> recent candidates, <see cref="BatchPartition"/> nothing. Its state is in buffers, so it is
/// saved and restored with the module that holds it. An estimator is not safe for use from several threads at once.
/// </remarks>
public abstract class PartitionEstimator : nn.Module
{
    /// <summary>Creates the estimator.</summary>
    /// <param name="name">The name of the module.</param>
    /// <param name="population">N, or null where it is not known.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is less than 2.</exception>
    protected PartitionEstimator(string name, long? population)
        : base(name)
    {
        if (population is { } count) Guard.AtLeast(count, 2, nameof(population));
        Population = population;
    }

    /// <summary>
    /// N, the number of candidates in the whole population that an anchor is contrasted with, its positives included. Null
    /// where it is not known: then the batch is taken for the whole.
    /// </summary>
    public long? Population { get; }

    /// <summary>An empty estimator of the same kind and settings, for the other direction of a symmetric loss.</summary>
    public abstract PartitionEstimator CreateSibling();

    /// <summary>log Ẑ_i of each anchor of a batch, and the change of state to make of it. Changes nothing itself.</summary>
    /// <param name="observation">What the batch shows.</param>
    /// <exception cref="ArgumentException">The observation lacks what this estimator needs, or does not fit its state.</exception>
    /// <exception cref="InvalidOperationException">The state was converted to half precision.</exception>
    public abstract PartitionEstimate Estimate(PartitionObservation observation);

    /// <summary>
    /// Takes in the candidates of a batch in training, once a batch, after its estimate. Refuses what is wrong now, changes nothing,
    /// and returns the change, so that a loss can let all state change together or none of it.
    /// </summary>
    /// <param name="candidates">(n, D), as similarities compare them, without the scale 1/τ and without a graph.</param>
    /// <param name="sampleIds">(n) integers, if the caller said so.</param>
    /// <returns>The change; null where there is none.</returns>
    /// <exception cref="ArgumentException">The candidates do not fit the state.</exception>
    public virtual Action? Observe(Tensor candidates, Tensor? sampleIds) => null;

    /// <summary>Whether <see cref="Observe"/> has no use for candidates, so that they need not be made.</summary>
    internal virtual bool IgnoresCandidates => false;

    /// <summary>Refuses an estimate of a batch that must not reach the state. Waits for the device.</summary>
    /// <param name="logEstimate">log Z̃_i of each anchor, (m).</param>
    /// <exception cref="ArgumentException">A value is not finite.</exception>
    protected static void CheckFinite(Tensor logEstimate)
    {
        using var scope = NewDisposeScope();
        var finite = logEstimate.isfinite();
        if (finite.all().item<bool>()) return;
        var row = finite.logical_not().nonzero()[0, 0].item<long>();
        throw new ArgumentException(
            $"the partition function of anchor {row} is {logEstimate[row].to(ScalarType.Float64).item<double>()}: "
            + "its features, or a candidate's, are not finite, and the estimate was not changed");
    }
}
