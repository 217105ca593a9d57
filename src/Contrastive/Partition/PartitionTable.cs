using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// One estimate per sample, moved a little at each visit: Ẑ_i ← (1-ρ) Ẑ_i + ρ Z̃_i, in log space. The setting of the paper
/// (Chen et al. 2022), for data sets whose samples are numbered.
/// </summary>
/// <remarks>
/// <para>By default Ẑ_i takes in the current batch before u_i is drawn with it. The estimate is then slightly biased, by an
/// amount that vanishes as ρ falls; with earlier visits only it is unbiased at every step, yet a batch with one large term
/// that Ẑ_i has not seen makes a huge step (up to a factor of e^60, where Ẑ_i is kept large enough that nothing overflows), and
/// training is much slower.</para>
/// <para>Rows of one sample in a batch are one visit: their estimates are averaged.</para>
/// </remarks>
public sealed class PartitionTable : PartitionEstimator
{
    /// <summary>A batch's terms weigh at most e to this power when u_i comes from earlier visits; exp(88) overflows float32.</summary>
    private const double LargestLogWeight = 60;

    // Named as they are registered: TorchSharp finds the fields again by these names when the module moves.
    private readonly Tensor log_partition;
    private readonly Tensor visits;

    /// <summary>Creates an empty table.</summary>
    /// <param name="samples">The number of samples; ids are 0, …, samples - 1. Range: samples ≥ 2.</param>
    /// <param name="schedule">ρ by visit; by default visit^(-0.6).</param>
    /// <param name="includeCurrentBatch">Whether u_i is drawn with the estimate before or after the current batch.</param>
    /// <param name="population">
    /// N, see <see cref="PartitionEstimator.Population"/>; by default <paramref name="samples"/>, right for two sets of rows. A set
    /// compared with itself has one candidate less (samples - 1), two views of it 2 · samples - 1.
    /// </param>
    /// <param name="dtype">
    /// The dtype of the estimates, float64 or float32. float32 takes half the memory and keeps log Ẑ_i to 1e-7 of its size: enough
    /// for cosines, too little for dot products in the thousands. float64 keeps it to 1e-16: enough for dot products of up to 1e12.
    /// </param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public PartitionTable(
        long samples,
        StepSizeSchedule? schedule = null,
        bool includeCurrentBatch = true,
        long? population = null,
        ScalarType dtype = ScalarType.Float64)
        : base(nameof(PartitionTable), population ?? Guard.AtLeast(samples, 2))
    {
        StateType.Check(dtype);
        Samples = Guard.AtLeast(samples, 2);
        Schedule = schedule ?? StepSizeSchedule.Power(0.6);
        IncludeCurrentBatch = includeCurrentBatch;

        log_partition = zeros(samples, dtype: dtype).DetachFromDisposeScope();
        visits = zeros(samples, dtype: ScalarType.Int64).DetachFromDisposeScope();
        register_buffer(nameof(log_partition), log_partition);
        register_buffer(nameof(visits), visits);
    }

    /// <summary>The number of samples.</summary>
    public long Samples { get; }

    /// <summary>ρ by visit.</summary>
    public StepSizeSchedule Schedule { get; }

    /// <summary>Whether u_i is drawn with an estimate that has the current batch in it.</summary>
    public bool IncludeCurrentBatch { get; }

    /// <summary>log Ẑ_i of each sample, (samples); 0 for one not visited yet. The table itself, not a copy.</summary>
    public Tensor LogPartition => log_partition;

    /// <summary>How often each sample was visited, (samples) int64. The table itself, not a copy.</summary>
    public Tensor Visits => visits;

    /// <inheritdoc/>
    public override PartitionEstimator CreateSibling()
        => new PartitionTable(Samples, Schedule, IncludeCurrentBatch, Population, log_partition.dtype);

    /// <inheritdoc/>
    public override PartitionEstimate Estimate(PartitionObservation observation)
    {
        StateType.CheckUnconverted(log_partition.dtype, "partition table");
        var ids = CheckIds(observation.SampleIds);
        var scale = observation.Sums.LogNegativeScale(Population);
        var relative = observation.Sums.RelativeEstimate(scale);
        CheckFinite(relative);

        // What is kept is not relative to anything of this batch. In the table's dtype the sum has digits enough.
        var reference = observation.Sums.Relative.Reference?.To(log_partition.dtype);
        var estimate = reference is null ? relative.To(log_partition.dtype) : relative.To(log_partition.dtype).Plus(reference);
        var batch = observation.DistinctSamples ? SampleGroups.EachItsOwn(ids) : SampleGroups.Of(ids);
        var current = batch.LogMean(estimate);
        var before = log_partition.index_select(0, batch.Samples);
        var visited = visits.index_select(0, batch.Samples);

        var visit = visited.add(Scalars.OneIndex, Scalars.OneIndex);
        var first = visited.eq(Scalars.ZeroIndex);
        var rho = Schedule.At(visit, log_partition.dtype).masked_fill(first, Scalars.One);
        var after = before.Plus(rho.neg().log1p()).logaddexp(current.Plus(rho.log()));

        // A first visit has nothing earlier to go by. Later ones are kept from overflowing where the batch shows terms beyond
        // anything that went before.
        var used = batch.ToRows(IncludeCurrentBatch ? after : where(first, current, before.maximum(current.Plus(-LargestLogWeight))));
        if (reference is not null) used = used.sub(reference);
        return new PartitionEstimate(used.To(relative.dtype), scale, () =>
        {
            log_partition.index_copy_(0, batch.Samples, after);
            visits.index_copy_(0, batch.Samples, visit);
        })
        {
            IsRelative = true,
        };
    }

    /// <inheritdoc/>
    internal override bool IgnoresCandidates => true;

    private Tensor CheckIds(Tensor? sampleIds)
    {
        if (sampleIds is null)
            throw new ArgumentException(
                $"sampleIds are missing: {nameof(PartitionTable)} keeps one estimate per sample and needs to know which sample each anchor is",
                nameof(sampleIds));
        Guard.SameDevice(sampleIds, log_partition, nameof(sampleIds), "the values of the partition table");
        if (sampleIds.shape[0] == 0) return sampleIds.To(ScalarType.Int64);
        var (low, high) = SampleGroups.Range(sampleIds);
        if (low < 0 || high >= Samples)
            throw new ArgumentOutOfRangeException(
                nameof(sampleIds), low < 0 ? low : high, $"sampleIds must lie in [0, {Samples - 1}] but reach from {low} to {high}");
        return sampleIds.To(ScalarType.Int64);
    }
}
