using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Ẑ_i from the batch and a queue of recent candidates (MoCo's queue, He et al. 2020, used for the estimate only). Needs no
/// sample indices; with them, entries of the anchor's own sample are excluded.
/// </summary>
/// <remarks>
/// In training a loss puts each batch's candidates in after its estimate, unless <see cref="EnqueueBatches"/> is off; then,
/// or when a batch is processed in pieces, call <see cref="Enqueue"/> once a batch. The oldest entries make room.
/// </remarks>
public sealed class PartitionQueue : PartitionEstimator
{
    private const long UnknownSample = -1;

    // Named as they are registered: TorchSharp finds the fields again by these names when the module moves.
    private readonly Tensor candidates;
    private readonly Tensor sample_ids;
    private readonly Tensor position;

    /// <summary>Creates an empty queue.</summary>
    /// <param name="capacity">How many candidates it holds. Range: capacity ≥ 1.</param>
    /// <param name="features">D, the width of the candidates. Range: D ≥ 1.</param>
    /// <param name="population">N, see <see cref="PartitionEstimator.Population"/>; null takes batch and queue for the whole.</param>
    /// <param name="enqueueBatches">Whether a loss in training enqueues its batches by itself.</param>
    /// <param name="dtype">The dtype that candidates are kept in, float32 or float64.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public PartitionQueue(
        long capacity, long features, long? population = null, bool enqueueBatches = true, ScalarType dtype = ScalarType.Float32)
        : base(nameof(PartitionQueue), population)
    {
        StateType.Check(dtype);
        Capacity = Guard.AtLeast(capacity, 1);
        Features = Guard.AtLeast(features, 1);
        EnqueueBatches = enqueueBatches;

        candidates = zeros(capacity, features, dtype: dtype).DetachFromDisposeScope();
        using (var unknown = UnknownSample.ToScalar())
            sample_ids = full(capacity, unknown, dtype: ScalarType.Int64).DetachFromDisposeScope();
        position = zeros(2, dtype: ScalarType.Int64).DetachFromDisposeScope();
        register_buffer(nameof(candidates), candidates);
        register_buffer(nameof(sample_ids), sample_ids);
        register_buffer(nameof(position), position);
    }

    /// <summary>How many candidates it can hold.</summary>
    public long Capacity { get; }

    /// <summary>D, the width of the candidates.</summary>
    public long Features { get; }

    /// <summary>Whether a loss in training enqueues its batches by itself.</summary>
    public bool EnqueueBatches { get; }

    /// <summary>How many candidates it holds.</summary>
    public long Count => Position(1);

    /// <inheritdoc/>
    public override PartitionEstimator CreateSibling()
        => new PartitionQueue(Capacity, Features, Population, EnqueueBatches, candidates.dtype);

    /// <inheritdoc/>
    public override PartitionEstimate Estimate(PartitionObservation observation)
    {
        var anchors = observation.Anchors;
        CheckAnchors(anchors);
        StateType.CheckUnconverted(candidates.dtype, "queue");
        var sums = observation.Sums;
        if (sums.HasLogitBias)
            throw new ArgumentException("a logit bias says nothing of the queue's entries: use another estimator with it");
        if (observation.SampleIds is { } given) CheckIds(given);
        var inBatch = sums.NegativeTerms;
        var count = Count;
        if (count > 0 && anchors.shape[0] > 0)
        {
            var entries = new FeatureRows(candidates.narrow(0, 0, count).to(anchors.dtype), SimilarityMeasure.DotProduct);
            var map = PairMap.Negatives(anchors.shape[0], count);
            if (observation.SampleIds is { } ids) map = map.WithSampleIds(ids, sample_ids.narrow(0, 0, count));
            using var constant = no_grad();
            var matrix = SimilarityMatrix.Of(
                new FeatureRows(anchors, SimilarityMeasure.DotProduct), entries, observation.Scale, new PairTerms(map), observation.Tiling);
            var queued = matrix.Sum(bothDirections: false).Anchors;
            matrix.Release();
            sums = sums.WithNegatives(queued);
        }
        var populationScale = sums.LogNegativeScale(Population);
        var estimate = sums.RelativeEstimate(populationScale);
        CheckFinite(estimate);

        // The M-step has the batch's negatives only: they stand for the queue's as well, or for all of the population.
        var scale = populationScale.Plus(sums.NegativeTerms.log().sub(inBatch.clamp_min(Scalars.One).log()));
        return new PartitionEstimate(estimate, scale) { IsRelative = true };
    }

    /// <inheritdoc/>
    internal override bool IgnoresCandidates => !EnqueueBatches;

    /// <inheritdoc/>
    public override Action? Observe(Tensor candidates, Tensor? sampleIds)
    {
        if (!EnqueueBatches) return null;
        CheckEntries(candidates, sampleIds);
        return () => Add(candidates, sampleIds);
    }

    /// <summary>Puts candidates in; the oldest make room.</summary>
    /// <param name="candidates">(n, D), as similarities compare them: normalised, if the loss normalises; not divided by τ. Copied, without a graph.</param>
    /// <param name="sampleIds">(n) integers ≥ 0; without them, entries are taken for other samples than any anchor's.</param>
    /// <exception cref="ArgumentException">The candidates do not fit the queue, or are not finite.</exception>
    public void Enqueue(Tensor candidates, Tensor? sampleIds = null)
    {
        CheckEntries(candidates, sampleIds);
        Add(candidates, sampleIds);
    }

    /// <summary>Refuses candidates that must not get in. Waits for the device.</summary>
    private void CheckEntries(Tensor candidates, Tensor? sampleIds)
    {
        Guard.Features(candidates);
        if (candidates.shape[1] != Features)
            throw new ArgumentException(
                $"candidates have {candidates.shape[1]} features but the queue's have {Features}", nameof(candidates));
        Guard.SameDevice(candidates, this.candidates, nameof(candidates), "those of the queue");
        if (sampleIds is not null)
        {
            Guard.Integers(sampleIds, candidates.shape[0]);
            Guard.SameDevice(candidates, sampleIds, nameof(candidates));
            CheckIds(sampleIds);
        }
        using var scope = NewDisposeScope();
        FeatureRows.CheckFinite(candidates.detach().to(this.candidates.dtype), nameof(candidates));
    }

    private void Add(Tensor candidates, Tensor? sampleIds)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var rows = candidates.detach().to(this.candidates.dtype);
        var kept = Math.Min(rows.shape[0], Capacity);
        rows = rows.narrow(0, rows.shape[0] - kept, kept);
        var ids = sampleIds?.to(ScalarType.Int64).narrow(0, sampleIds.shape[0] - kept, kept);

        var start = Position(0);
        var untilEnd = Math.Min(kept, Capacity - start);
        Write(start, rows, ids, 0, untilEnd);
        if (kept > untilEnd) Write(0, rows, ids, untilEnd, kept - untilEnd);

        using var next = ((start + kept) % Capacity).ToScalar();
        using var count = Math.Min(Capacity, Count + kept).ToScalar();
        position[0].fill_(next);
        position[1].fill_(count);
    }

    private void CheckAnchors(Tensor anchors)
    {
        if (anchors.shape[1] != Features)
            throw new ArgumentException(
                $"anchors have {anchors.shape[1]} features but the queue's candidates have {Features}", nameof(anchors));
        Guard.SameDevice(anchors, candidates, nameof(anchors), "the candidates of the queue");
    }

    private void Write(long at, Tensor rows, Tensor? ids, long first, long count)
    {
        candidates.narrow(0, at, count).copy_(rows.narrow(0, first, count));
        var target = sample_ids.narrow(0, at, count);
        if (ids is not null) target.copy_(ids.narrow(0, first, count));
        else using (var unknown = UnknownSample.ToScalar()) target.fill_(unknown);
    }

    private static void CheckIds(Tensor sampleIds)
    {
        if (sampleIds.shape[0] == 0) return;
        using var scope = NewDisposeScope();
        var lowest = sampleIds.min().to(ScalarType.Int64).item<long>();
        if (lowest < 0) throw new ArgumentOutOfRangeException(nameof(sampleIds), lowest, $"sampleIds must be at least 0 but {lowest} is among them");
    }

    private long Position(long index)
    {
        using var scope = NewDisposeScope();
        return position[index].item<long>();
    }
}
