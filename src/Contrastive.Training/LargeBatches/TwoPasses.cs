using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>What a loss does between the passes.</summary>
/// <param name="batch">The features of the whole batch, without a graph.</param>
/// <returns>The derivatives of the loss by a micro-batch's features, one a tower; null for a tower that needs none.</returns>
internal delegate Func<MicroBatch, Tensor?[]> LossOfFeatures(FeatureBatch batch);

/// <summary>
/// Encodes a batch twice, a micro-batch at a time: without keeping a graph, for the loss, and then again, the same way, with the graph
/// that its derivatives go back through. So there is one micro-batch's graph at a time, whatever the batch.
/// </summary>
internal sealed class TwoPasses
{
    private readonly nn.Module[] _encoders;
    private readonly Generator[] _generators;

    public TwoPasses(long microBatchSize, IEnumerable<nn.Module> encoders, IEnumerable<Generator>? generators)
    {
        MicroBatchSize = Guard.AtLeast(microBatchSize, 1);
        ArgumentNullException.ThrowIfNull(encoders);
        _encoders = [.. encoders];
        _generators = [.. generators ?? []];
        if (_encoders.Contains(null!)) throw new ArgumentException("one of the encoders is null", nameof(encoders));
        if (_generators.Contains(null!)) throw new ArgumentException("one of the generators is null", nameof(generators));
    }

    public long MicroBatchSize { get; }

    /// <summary>Refuses what no step can be made of.</summary>
    public static void Check(long count, Delegate encode)
    {
        Guard.AtLeast(count, 1);
        ArgumentNullException.ThrowIfNull(encode);
        if (!is_grad_enabled())
            throw new InvalidOperationException("a training step needs gradients, but they are switched off here (no_grad)");
    }

    /// <summary>Whether the batch is one micro-batch, so that there is nothing to encode twice.</summary>
    public bool IsSingle(long count) => count <= MicroBatchSize;

    /// <summary>The ordinary step of a batch that is one micro-batch: what <paramref name="loss"/> gives is differentiated.</summary>
    public void Single(long count, Func<long, long, Tensor[]> encode, Func<Tensor[], Tensor> loss)
    {
        // A scope of its own: TorchSharp loses track of a tensor that is moved to the scope it is in.
        using var scope = NewDisposeScope();
        var (random, buffers) = (Random(), ModuleBuffers.Record(_encoders));
        Tensor value;
        try
        {
            var features = encode(0, count);
            FeatureBatch.CheckFirst(new MicroBatch(0, 0, count), features);
            value = loss(features);
        }
        catch
        {
            random.Restore();
            buffers.Restore();
            throw;
        }
        value.backward();
    }

    /// <summary>
    /// A step of a batch of several micro-batches. What fails before the second pass leaves random numbers and buffers as if
    /// nothing had happened; afterwards, and if the second pass fails, they are where the first pass and the loss left them.
    /// </summary>
    public void Run(long count, Func<long, long, Tensor[]> encode, LossOfFeatures loss)
    {
        MicroBatch[] parts = [.. MicroBatch.Cut(count, MicroBatchSize)];
        var before = new RandomState[parts.Length];
        var buffers = ModuleBuffers.Record(_encoders);
        FeatureBatch batch;
        Func<MicroBatch, Tensor?[]> gradients;
        before[0] = Random();
        try
        {
            batch = Encode(count, parts, encode, before);
            gradients = loss(batch);
        }
        catch
        {
            before[0].Restore();
            buffers.Restore();
            throw;
        }
        if (!batch.Learns.Contains(true)) return;

        var (randomAfter, buffersAfter) = (Random(), ModuleBuffers.Record(_encoders));
        try
        {
            // From where they began, buffers go the same way again, and each micro-batch meets what it met.
            buffers.Restore();
            foreach (var part in parts)
            {
                using var scope = NewDisposeScope();
                before[part.Index].Restore();
                var features = encode(part.First, part.Count);
                batch.CheckSame(part, features);
                Backward(part, features, gradients(part), batch.Learns);
            }
        }
        finally
        {
            randomAfter.Restore();
            buffersAfter.Restore();
        }
    }

    private FeatureBatch Encode(long count, MicroBatch[] parts, Func<long, long, Tensor[]> encode, RandomState[] before)
    {
        FeatureBatch? batch = null;
        foreach (var part in parts)
        {
            if (part.Index > 0) before[part.Index] = Random();
            using var scope = NewDisposeScope();
            // The first one with a graph: it shows which towers learn.
            using var graph = set_grad_enabled(batch is null);
            var features = encode(part.First, part.Count);
            if (batch is null)
            {
                batch = new FeatureBatch(count, part, features);
                foreach (var rows in batch.Features) rows.MoveToOuterDisposeScope();
            }
            batch.Set(part, features);
        }
        return batch!;
    }

    private static void Backward(MicroBatch part, Tensor[] features, Tensor?[] gradients, IReadOnlyList<bool> learns)
    {
        if (features.Zip(learns).Any(pair => pair.First.requires_grad && !pair.Second))
            throw new InvalidOperationException($"encode gave features with a graph for {part} but without one for the first micro-batch");
        var learning = features.Zip(gradients).Where(pair => pair.Second is not null).ToArray();
        if (learning.FirstOrDefault(pair => !pair.First.requires_grad).First is not null)
            throw new InvalidOperationException($"encode gave features without a graph for {part} but with one for the first micro-batch");
        if (learning.Length == 0) return;
        autograd.backward([.. learning.Select(pair => pair.First)], [.. learning.Select(pair => pair.Second!)]);
    }

    private RandomState Random() => RandomState.Record(
        _generators, _encoders.Any(encoder => encoder.parameters().Cast<Tensor>().Concat(encoder.buffers()).Any(tensor => tensor.is_cuda)));
}

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
