using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// A <see cref="PartitionTable"/> cut among the ranks: each keeps the estimates of a run of samples, N/K of them, and a step brings together those
/// of its batch alone. For data whose table, 16 bytes a sample and direction, does not fit into every rank's memory.
/// </summary>
/// <remarks>
/// <para>The numbers are those of the whole table. An estimate, and its change after a step in training, is a meeting: all ranks call it, each with
/// the samples of the sums that it has. A rank sends O(K b) numbers for it, b rows a rank, however many features they have.</para>
/// <para>Rows are kept in the memory of the CPU, whatever the device of the features. They are <b>not part of the module's state</b>, since each rank has
/// others: a checkpoint takes the whole table from <see cref="Gather"/>, and any number of ranks goes on from it with <see cref="Scatter"/>.</para>
/// </remarks>
/// <example>
/// <code>
/// using var table = new ShardedPartitionTable(communicator, samples: 400_000_000);
/// using var loss = new GammaContrastiveLoss(table, mode: ContrastMode.Symmetric);
/// var distributed = new DistributedLoss(loss, communicator);
/// </code>
/// </example>
public sealed class ShardedPartitionTable : PartitionEstimator
{
    private readonly ScalarType _type;
    private readonly Tensor _logPartition;
    private readonly Tensor _visits;

    /// <summary>Creates an empty table.</summary>
    /// <param name="communicator">The ranks: those of the <see cref="DistributedLoss"/>.</param>
    /// <param name="samples">N, the number of samples; ids are 0, …, N - 1. Range: N ≥ 2.</param>
    /// <param name="schedule">See <see cref="PartitionTable"/>, as for all that follows; the same on all ranks.</param>
    /// <param name="includeCurrentBatch">Whether u_i is drawn with the estimate before or after the current batch.</param>
    /// <param name="population">By default <paramref name="samples"/>.</param>
    /// <param name="dtype">float64 or float32.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public ShardedPartitionTable(
        Communicator communicator,
        long samples,
        StepSizeSchedule? schedule = null,
        bool includeCurrentBatch = true,
        long? population = null,
        ScalarType dtype = ScalarType.Float64)
        : base(nameof(ShardedPartitionTable), population ?? Guard.AtLeast(samples, 2))
    {
        ArgumentNullException.ThrowIfNull(communicator);
        if (dtype is not (ScalarType.Float32 or ScalarType.Float64)) throw new ArgumentException($"dtype must be float32 or float64 but is {dtype}", nameof(dtype));
        Communicator = communicator;
        Samples = Guard.AtLeast(samples, 2);
        Schedule = schedule ?? StepSizeSchedule.Power(0.6);
        IncludeCurrentBatch = includeCurrentBatch;
        _type = dtype;
        _logPartition = zeros(Rows, dtype: dtype, device: CPU).DetachFromDisposeScope();
        _visits = zeros(Rows, dtype: ScalarType.Int64, device: CPU).DetachFromDisposeScope();
    }

    /// <summary>N, the number of samples.</summary>
    public long Samples { get; }

    /// <summary>How many of them this rank keeps: ⌈N/K⌉, fewer on the last ranks.</summary>
    public long Rows => RowsOf(Communicator.Rank);

    /// <summary>ρ by visit.</summary>
    public StepSizeSchedule Schedule { get; }

    /// <summary>Whether u_i is drawn with an estimate that has the current batch in it.</summary>
    public bool IncludeCurrentBatch { get; }

    internal Communicator Communicator { get; }

    /// <summary>How many samples a rank keeps, the last ones excepted.</summary>
    private long Run => (Samples + Communicator.Size - 1) / Communicator.Size;

    /// <inheritdoc/>
    public override PartitionEstimator CreateSibling()
        => new ShardedPartitionTable(Communicator, Samples, Schedule, IncludeCurrentBatch, Population, _type);

    /// <inheritdoc/>
    public override PartitionEstimate Estimate(PartitionObservation observation)
    {
        ArgumentNullException.ThrowIfNull(observation);
        using var constant = no_grad();
        var ids = CheckIds(observation.SampleIds);
        var (samples, rowOf, _) = ids.unique(sorted: true, return_inverse: true);
        var rows = Take(samples);
        var count = samples.shape[0];

        // The estimates of the batch's samples as a table of their own, which are put back where they belong if the step is one of training.
        using var table = new PartitionTable(Math.Max(2, count), Schedule, IncludeCurrentBatch, Population, _type);
        table.LogPartition.narrow(0, 0, count).copy_(rows.select(1, 0));
        table.Visits.narrow(0, 0, count).copy_(rows.select(1, 1));
        var device = observation.SampleIds!.device;
        table.to(device);
        var estimate = table.Estimate(observation.WithSampleIds(rowOf!.to(device)));
        estimate.Commit!();
        var after = stack([Row(samples), Row(table.LogPartition.narrow(0, 0, count).cpu()), Row(table.Visits.narrow(0, 0, count).cpu())], 1);
        var changed = after.index_select(0, rows.select(1, 2).nonzero().squeeze(1));
        return estimate with { Commit = () => Put(changed) };
    }

    /// <summary>
    /// The whole table, on rank 0; null on the others. A meeting. It is the caller's, who saves it as <see cref="PartitionTable"/>. MPI counts to 2^31, and
    /// so many samples come together at most.
    /// </summary>
    public PartitionTable? Gather()
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var counts = new long[Communicator.Size];
        counts[0] = Rows;
        var (estimates, visits) = (Communicator.ExchangeRows(_logPartition, counts), Communicator.ExchangeRows(_visits, counts));
        if (Communicator.Rank != 0) return null;
        var whole = new PartitionTable(Samples, Schedule, IncludeCurrentBatch, Population, _type);
        whole.LogPartition.copy_(estimates);
        whole.Visits.copy_(visits);
        return whole;
    }

    /// <summary>Replaces all rows by those of a whole table. A meeting.</summary>
    /// <param name="whole">The table of rank 0 counts; other ranks may give theirs, or null.</param>
    /// <exception cref="ArgumentException">Rank 0 has none, or one of another number of samples or another dtype.</exception>
    public void Scatter(PartitionTable? whole)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var isRoot = Communicator.Rank == 0;
        if (isRoot)
        {
            ArgumentNullException.ThrowIfNull(whole);
            if (whole.Samples != Samples || whole.LogPartition.dtype != _type)
                throw new ArgumentException(
                    $"whole has {whole.Samples} samples of {whole.LogPartition.dtype} but this table has {Samples} of {_type}", nameof(whole));
        }
        var counts = Enumerable.Range(0, Communicator.Size).Select(rank => isRoot ? RowsOf(rank) : 0).ToArray();
        _logPartition.copy_(Communicator.ExchangeRows(isRoot ? whole!.LogPartition.cpu() : _logPartition.narrow(0, 0, 0), counts));
        _visits.copy_(Communicator.ExchangeRows(isRoot ? whole!.Visits.cpu() : _visits.narrow(0, 0, 0), counts));
    }

    /// <summary>Nothing: what a rank keeps is no state that ranks share. TorchSharp would register every field.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _logPartition.Dispose();
            _visits.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>The rows of some samples, sorted, from the ranks that keep them: (g, 3), log Ẑ, visits, and whether this rank is to put it back.</summary>
    private Tensor Take(Tensor samples)
    {
        using var scope = NewDisposeScope();
        var asked = Communicator.ExchangeRows(samples, CountsByOwner(samples), out var counts);
        var own = OwnRows(asked);
        var answers = stack([Row(_logPartition.index_select(0, own)), Row(_visits.index_select(0, own)), Writers(asked, counts)], 1);
        return Communicator.ExchangeRows(answers, counts).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Of each sample that several ranks asked for, which have worked out the same, one puts it back: the rank that keeps it, else the first. Where all
    /// ranks have the whole batch, nothing is sent back at all.
    /// </summary>
    private Tensor Writers(Tensor asked, long[] counts)
    {
        var (ids, writes, seen) = (asked.data<long>().ToArray(), new double[asked.shape[0]], new HashSet<long>());
        var others = Enumerable.Range(0, counts.Length).Where(rank => rank != Communicator.Rank);
        foreach (var rank in others.Prepend(Communicator.Rank))
        {
            var first = counts.Take(rank).Sum();
            for (var i = first; i < first + counts[rank]; i++) writes[i] = seen.Add(ids[i]) ? 1 : 0;
        }
        return tensor(writes, dtype: ScalarType.Float64);
    }

    /// <summary>Gives changed rows, of samples sorted, to the ranks that keep them.</summary>
    private void Put(Tensor changed)
    {
        using var scope = NewDisposeScope();
        var samples = changed.select(1, 0).to(ScalarType.Int64);
        var rows = Communicator.ExchangeRows(changed, CountsByOwner(samples));
        var own = OwnRows(rows.select(1, 0).to(ScalarType.Int64));
        _logPartition.index_copy_(0, own, rows.select(1, 1).To(_type));
        _visits.index_copy_(0, own, rows.select(1, 2).to(ScalarType.Int64));
    }

    /// <summary>Where samples that this rank keeps stand among its rows.</summary>
    private Tensor OwnRows(Tensor samples)
    {
        using var first = (Communicator.Rank * Run).ToScalar();
        return samples.sub(first);
    }

    private long[] CountsByOwner(Tensor samples)
    {
        var counts = new long[Communicator.Size];
        foreach (var sample in samples.contiguous().data<long>()) counts[sample / Run]++;
        return counts;
    }

    private long RowsOf(int rank) => Math.Clamp(Samples - (rank * Run), 0, Run);

    /// <summary>As float64, which holds ids and visits exactly up to 2^53.</summary>
    private static Tensor Row(Tensor values) => values.To(ScalarType.Float64);

    private Tensor CheckIds(Tensor? sampleIds)
    {
        if (sampleIds is null)
            throw new ArgumentException(
                $"sampleIds are missing: {nameof(ShardedPartitionTable)} keeps one estimate per sample and needs to know which sample each anchor is",
                nameof(sampleIds));
        var ids = sampleIds.detach().cpu().to(ScalarType.Int64);
        if (ids.shape[0] == 0) return ids;
        var (low, high) = (ids.min().item<long>(), ids.max().item<long>());
        if (low < 0 || high >= Samples)
            throw new ArgumentOutOfRangeException(
                nameof(sampleIds), low < 0 ? low : high, $"sampleIds must lie in [0, {Samples - 1}] but reach from {low} to {high}");
        return ids;
    }
}
