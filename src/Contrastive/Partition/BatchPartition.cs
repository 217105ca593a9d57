namespace Contrastive;

/// <summary>Ẑ_i from the batch alone; no state, so it suits streams.</summary>
/// <remarks>
/// The expected gradient of the loss is then exactly InfoNCE's on the batch, bias included (with a population, InfoNCE's
/// with the negatives weighted by (N-1)/(B-1) inside the logarithm). It is decomposable within the batch, not unbiased.
/// </remarks>
public sealed class BatchPartition : PartitionEstimator
{
    /// <summary>Creates the estimator.</summary>
    /// <param name="population">N, see <see cref="PartitionEstimator.Population"/>; null for streams. Range: N ≥ 2.</param>
    public BatchPartition(long? population = null)
        : base(nameof(BatchPartition), population)
    {
    }

    /// <inheritdoc/>
    public override PartitionEstimator CreateSibling() => new BatchPartition(Population);

    /// <inheritdoc/>
    internal override bool IgnoresCandidates => true;

    /// <inheritdoc/>
    public override PartitionEstimate Estimate(PartitionObservation observation)
    {
        var scale = observation.Sums.LogNegativeScale(Population);
        return new PartitionEstimate(observation.Sums.RelativeEstimate(scale), scale) { IsRelative = true };
    }
}
