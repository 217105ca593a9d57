using System.Buffers.Binary;
using System.Security.Cryptography;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>The copies of a model on the ranks: each starts from the same weights, and takes the same steps.</summary>
public static class Replicas
{
    /// <summary>Gives all ranks the parameters and buffers of rank 0. Call it once all modules are made, or restored.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="modules">Encoders, losses, optimisers with buffers, in the same order on all ranks.</param>
    /// <exception cref="InvalidOperationException">The ranks' modules differ in their tensors: in number, names, dtypes or shapes. Nothing was changed.</exception>
    public static void Broadcast(Communicator communicator, params IReadOnlyList<nn.Module> modules)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        CheckLayout(communicator, modules);
        foreach (var (_, tensor) in Tensors(modules)) communicator.Broadcast(tensor);
    }

    /// <summary>Refuses copies that are no longer the same, bit for bit. Reads all weights: call it now and then, say once an epoch.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="modules">The modules, in the same order on all ranks.</param>
    /// <exception cref="InvalidOperationException">A tensor differs: the message names the first one and the ranks.</exception>
    public static void CheckAgreement(Communicator communicator, params IReadOnlyList<nn.Module> modules)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        CheckLayout(communicator, modules);
        var tensors = Tensors(modules).ToArray();
        if (tensors.Length == 0) return;
        var sums = communicator.Meet([.. tensors.Select(entry => Checksum(entry.Tensor))]);
        for (var index = 0; index < tensors.Length; index++)
        {
            var others = Enumerable.Range(1, communicator.Size - 1).Where(rank => sums[rank][index] != sums[0][index]).ToArray();
            if (others.Length > 0)
                throw new InvalidOperationException($"{tensors[index].Name} of rank {string.Join(", ", others)} is not what it is on rank 0");
        }
    }

    /// <summary>
    /// Makes the memories of the ranks one, the same on all: the newest rows of all ranks, as many as a memory holds, those of one age side by side. With
    /// <see cref="Exchange.Local"/> each rank remembers rows of its own; call this before a checkpoint is written, which then serves any number of ranks.
    /// </summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="memory">Of the same capacity and width on all ranks. Labels of its rows are forgotten, which a local exchange does not have.</param>
    /// <exception cref="InvalidOperationException">The ranks' memories differ in width or dtype.</exception>
    public static void Pool(Communicator communicator, CrossBatchMemory memory)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(memory);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var length = memory.Length;
        memory.Length = memory.Capacity;
        var (anchors, candidates) = (Pooled(memory.NewestAnchors()), Pooled(memory.NewestCandidates()));
        memory.Length = length;
        if (communicator.Rank == 0)
        {
            memory.Clear();
            memory.Enqueue(anchors.Rows, candidates.Rows, anchors.Ids, candidates.Ids, anchors.LogWeights, candidates.LogWeights);
        }
        Broadcast(communicator, memory);

        (Tensor Rows, Tensor Ids, Tensor LogWeights) Pooled((Tensor Rows, Tensor Ids, Tensor LogWeights)? own)
        {
            var like = memory.get_buffer("anchors")!;
            var (rows, ids, weights) = own ?? (
                like.narrow(0, 0, 0), empty(0, dtype: ScalarType.Int64, device: like.device), empty(0, dtype: like.dtype, device: like.device));
            var counts = communicator.Meet(rows.shape[0]);
            // A rank's rows lie together, the oldest of them first.
            var byAge = counts.SelectMany((count, rank) => Enumerable.Range(0, (int)count[0])
                    .Select(row => (Age: count[0] - row, At: counts.Take(rank).Sum(before => before[0]) + row)))
                .OrderByDescending(row => row.Age).Select(row => row.At).TakeLast((int)Math.Min(int.MaxValue, memory.Capacity)).ToArray();
            var newest = tensor(byAge, dtype: ScalarType.Int64, device: like.device);
            return (Of(rows), Of(ids), Of(weights));

            Tensor Of(Tensor part) => communicator.AllGatherRows(part).index_select(0, newest);
        }
    }

    /// <summary>A number that two tensors of different bytes do not share, but for a chance in 2^64.</summary>
    internal static long Checksum(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var flat = tensor.detach().cpu().contiguous().view(-1);
        // A span of bytes ends at 2 GiB.
        const long piece = 1 << 26;
        for (var first = 0L; first < flat.numel(); first += piece) hash.AppendData(flat.narrow(0, first, Math.Min(piece, flat.numel() - first)).bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(hash.GetHashAndReset());
    }

    /// <summary>Refuses modules that have other tensors than those of rank 0.</summary>
    private static void CheckLayout(Communicator communicator, IReadOnlyList<nn.Module> modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        TensorLayout.Check(communicator, "the modules' tensors", [.. Tensors(modules).Select(entry => $"{entry.Name}, {TensorLayout.Of(entry.Tensor)},")]);
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Tensors(IReadOnlyList<nn.Module> modules)
        => modules.SelectMany((module, index) => module.named_parameters().Select(entry => (entry.name, (Tensor)entry.parameter))
            .Concat(module.named_buffers().Select(entry => (entry.name, entry.buffer)))
            .Select(entry => ($"{entry.Item1} of module {index} ({module.GetName()})", entry.Item2)));
}
