using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// The batches of a training run, epoch after epoch, each epoch in an order of its own. The order and the place in it are
/// buffers, so a checkpoint holds them as it holds any module, and a run stopped within an epoch goes on with the very next
/// batch. The batch size is part of the state's layout: a checkpoint of another one is refused.
/// </summary>
/// <remarks>
/// The generator belongs to the caller and goes into the checkpoint beside this:
/// <c>parts.Module("batches", batches).Generator("order", generator)</c>. Items left over at the end of an epoch, too few for a
/// whole batch, are skipped; the next epoch's order has them again.
/// </remarks>
public sealed class ShuffledBatches : nn.Module
{
    private readonly Generator _generator;

    // Named as they are registered: TorchSharp finds the fields again by these names when the module moves.
    private readonly Tensor order;
    private readonly Tensor step;

    // (0, B): empty, but part of the layout, so that the state of batches of another size is refused: its place means another item here.
    private readonly Tensor size;

    /// <summary>Creates the batches; nothing is drawn before the first of them.</summary>
    /// <param name="items">N, how many items there are; ids are 0, …, N - 1. Range: ≥ 1.</param>
    /// <param name="batchSize">B, how many items a batch has. Range: 1 ≤ B ≤ N.</param>
    /// <param name="generator">Draws the order of each epoch; a generator of the CPU, whatever <paramref name="device"/> is.</param>
    /// <param name="device">Where batches are wanted; the CPU by default.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public ShuffledBatches(long items, long batchSize, Generator generator, Device? device = null)
        : base(nameof(ShuffledBatches))
    {
        Items = Guard.AtLeast(items, 1);
        BatchSize = Guard.AtLeast(batchSize, 1);
        if (batchSize > items)
            throw new ArgumentOutOfRangeException(nameof(batchSize), batchSize, $"batchSize must be at most the {items} items but is {batchSize}");
        ArgumentNullException.ThrowIfNull(generator);
        _generator = generator;
        order = zeros(items, dtype: ScalarType.Int64, device: device).DetachFromDisposeScope();
        step = zeros(1, dtype: ScalarType.Int64).DetachFromDisposeScope();
        size = zeros(0, BatchSize, dtype: ScalarType.Int64).DetachFromDisposeScope();
        register_buffer(nameof(order), order);
        register_buffer(nameof(step), step);
        register_buffer(nameof(size), size);
    }

    /// <summary>N, how many items there are.</summary>
    public long Items { get; }

    /// <summary>B, how many items a batch has.</summary>
    public long BatchSize { get; }

    /// <summary>How many batches an epoch has: N / B, rounded down.</summary>
    public long StepsPerEpoch => Items / BatchSize;

    /// <summary>How many batches were taken, over all epochs.</summary>
    public long Step => step.item<long>();

    /// <summary>How many epochs are complete.</summary>
    public long Epoch => Step / StepsPerEpoch;

    /// <summary>Whether the last batch taken was the last of its epoch.</summary>
    public bool EndedEpoch => Step is > 0 and var taken && taken % StepsPerEpoch == 0;

    /// <summary>Takes the next batch: (B) int64, the ids of its items. It belongs to the surrounding dispose scope.</summary>
    public Tensor Next()
    {
        var position = Step % StepsPerEpoch;
        using var constant = no_grad();
        if (position == 0)
        {
            using var drawn = randperm(Items, ScalarType.Int64, generator: _generator);
            order.copy_(drawn);
        }

        step.add_(Scalars.OneIndex, Scalars.OneIndex);
        // A copy: the next epoch's order is written over this one's.
        using var rows = order.narrow(0, position * BatchSize, BatchSize);
        return rows.clone();
    }
}
