using Contrastive.Numerics;

namespace Contrastive;

/// <summary>A run of a batch's items that is encoded at once.</summary>
/// <param name="Index">Its number in the batch.</param>
/// <param name="First">Its first item.</param>
/// <param name="Count">How many items.</param>
internal readonly record struct MicroBatch(int Index, long First, long Count)
{
    /// <summary>A batch of <paramref name="count"/> items, <paramref name="size"/> at a time; the last one may be smaller.</summary>
    public static IEnumerable<MicroBatch> Cut(long count, long size)
        => Runs.Of(count, size).Select((run, index) => new MicroBatch(index, run.First, run.Count));

    /// <inheritdoc/>
    public override string ToString() => $"micro-batch {Index} (items {First} to {First + Count - 1})";
}
