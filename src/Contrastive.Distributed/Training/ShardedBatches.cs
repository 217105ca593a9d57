using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// The batches of a training run on several ranks: one random order of all items, the same on all ranks, cut into batches, and each batch
/// into one slice a rank.
/// </summary>
/// <remarks>
/// <para>The state (order, place and batch size) says nothing of the ranks, so that a run of four is continued by three, with the same batches.
/// A checkpoint of another batch size is refused. The generator goes into the checkpoint beside it. Slices differ by one item at most; what is
/// left at the end of an epoch is a smaller batch, or is skipped.</para>
/// <para>Since every epoch is dealt out anew, which items meet on a rank is a matter of chance: <see cref="Exchange.Local"/> needs that.</para>
/// </remarks>
public sealed class ShardedBatches : nn.Module
{
    private readonly Communicator _communicator;
    private readonly Generator _generator;
    private readonly bool _keepsRemainder;

    // Named as they are registered: TorchSharp finds the fields again by these names when the module moves.
    private readonly Tensor order;
    private readonly Tensor step;

    // (0, B) or, with the remainder, (0, B, 1): empty, but part of the layout, so that the state of other batches is refused.
    private readonly Tensor size;

    /// <summary>Creates the batches; nothing is drawn before the first of them.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="items">N, how many items there are; ids are 0, …, N - 1. Range: ≥ 1.</param>
    /// <param name="batchSize">B, how many items a batch of all ranks has. Range: 1 ≤ B ≤ N.</param>
    /// <param name="generator">Draws the order of each epoch; of the CPU, a generator of each rank's own, from the same seed on all ranks.</param>
    /// <param name="keepsRemainder">Whether the items left over at the end of an epoch are a smaller batch, or skipped.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public ShardedBatches(Communicator communicator, long items, long batchSize, Generator generator, bool keepsRemainder = false)
        : base(nameof(ShardedBatches))
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(generator);
        Items = Guard.AtLeast(items, 1);
        BatchSize = Guard.AtLeast(batchSize, 1);
        if (batchSize > items)
            throw new ArgumentOutOfRangeException(nameof(batchSize), batchSize, $"batchSize must be at most the {items} items but is {batchSize}");
        (_communicator, _generator, _keepsRemainder) = (communicator, generator, keepsRemainder);
        order = zeros(items, dtype: ScalarType.Int64).DetachFromDisposeScope();
        step = zeros(1, dtype: ScalarType.Int64).DetachFromDisposeScope();
        size = zeros(keepsRemainder ? [0, BatchSize, 1] : [0, BatchSize], dtype: ScalarType.Int64).DetachFromDisposeScope();
        register_buffer(nameof(order), order);
        register_buffer(nameof(step), step);
        register_buffer(nameof(size), size);
    }

    /// <summary>N, how many items there are.</summary>
    public long Items { get; }

    /// <summary>B, how many items a batch of all ranks has; the last one of an epoch may be smaller.</summary>
    public long BatchSize { get; }

    /// <summary>How many batches an epoch has.</summary>
    public long StepsPerEpoch => _keepsRemainder ? (Items + BatchSize - 1) / BatchSize : Items / BatchSize;

    /// <summary>How many batches were taken, over all epochs.</summary>
    public long Step => step.item<long>();

    /// <summary>How many epochs are complete.</summary>
    public long Epoch => Step / StepsPerEpoch;

    /// <summary>Whether the last batch taken was the last of its epoch.</summary>
    public bool EndedEpoch => Step is > 0 and var taken && taken % StepsPerEpoch == 0;

    /// <summary>Takes the next batch, on all ranks: (n) int64, the ids of this rank's slice. It belongs to the surrounding dispose scope.</summary>
    /// <exception cref="InvalidOperationException">The ranks drew different orders: their generators were not from one seed.</exception>
    public Tensor Next()
    {
        var position = Step % StepsPerEpoch;
        using var constant = no_grad();
        if (position == 0)
        {
            using var drawn = randperm(Items, ScalarType.Int64, generator: _generator);
            order.copy_(drawn);
        }
        // The step, too: a rank that was not restored is noticed.
        var states = _communicator.Meet(Step, position == 0 ? Replicas.Checksum(order) : 0);
        for (var rank = 1; rank < states.Length; rank++)
            if (!states[rank].SequenceEqual(states[0]))
                throw new InvalidOperationException(
                    $"rank {rank} is at another batch than rank 0, or drew another order (after {states[rank][0]} batches and {states[0][0]}): "
                    + "give each rank a generator of its own from the same seed, and restore all ranks from the same checkpoint");

        step.add_(Scalars.OneIndex, Scalars.OneIndex);
        var (first, count) = Place(position);
        using var rows = order.narrow(0, first, count);
        return rows.clone();
    }

    /// <summary>
    /// This rank's rows of something that has a row per item of the last batch taken, in the order of the ranks: what was drawn for the whole
    /// batch, say, so that the draws are those of one process.
    /// </summary>
    /// <param name="rows">(B, …), B the items of the batch of all ranks.</param>
    /// <returns>(n, …), a view: the rows of the ids that <see cref="Next"/> gave.</returns>
    /// <exception cref="ArgumentException">There are more rows, or fewer, than the batch has items.</exception>
    /// <exception cref="InvalidOperationException">No batch was taken.</exception>
    public Tensor Slice(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (Step == 0) throw new InvalidOperationException("no batch was taken, of which there could be a slice");
        var position = (Step - 1) % StepsPerEpoch;
        var (start, batch) = Batch(position);
        if (rows.dim() == 0 || rows.shape[0] != batch)
            throw new ArgumentException($"rows must have one row per item of the batch, {batch}, but have the shape {Guard.Shape(rows)}", nameof(rows));
        var (first, count) = Place(position);
        return rows.narrow(0, first - start, count);
    }

    /// <summary>Whether these are the ids of this rank's slice of the last batch taken.</summary>
    internal bool IsLast(Tensor ids)
    {
        if (Step == 0) return false;
        using var scope = NewDisposeScope();
        var (first, count) = Place((Step - 1) % StepsPerEpoch);
        return ids.numel() == count && ids.cpu().to(ScalarType.Int64).eq(order.cpu().narrow(0, first, count)).all().item<bool>();
    }

    /// <summary>Where this rank's slice of a batch lies in the order of the epoch.</summary>
    private (long First, long Count) Place(long position)
    {
        var (start, batch) = Batch(position);
        var (first, end) = (batch * _communicator.Rank / _communicator.Size, batch * (_communicator.Rank + 1) / _communicator.Size);
        return (start + first, end - first);
    }

    private (long Start, long Count) Batch(long position) => (position * BatchSize, Math.Min(BatchSize, Items - (position * BatchSize)));
}
