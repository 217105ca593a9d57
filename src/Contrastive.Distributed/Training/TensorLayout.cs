using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>What the tensors are that each rank has in the same order, but for their numbers.</summary>
internal static class TensorLayout
{
    /// <summary>A tensor in words: dtype and shape.</summary>
    public static string Of(Tensor tensor) => $"{tensor.dtype} {Guard.Shape(tensor)}";

    /// <summary>Refuses, on all ranks, tensors that are not those of rank 0. All ranks call it.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="what">What the tensors are, for messages.</param>
    /// <param name="own">This rank's tensors in words, the same words on all ranks.</param>
    /// <exception cref="InvalidOperationException">The ranks' tensors differ; the message names a rank and the first tensor.</exception>
    public static void Check(Communicator communicator, string what, IReadOnlyList<string> own)
    {
        if (communicator.Size == 1) return;
        // What is met has to be as long on all ranks.
        var counts = communicator.Meet(own.Count);
        for (var rank = 1; rank < counts.Length; rank++)
            if (counts[rank][0] != counts[0][0])
                throw new InvalidOperationException($"{what}: rank {rank} has {counts[rank][0]} but rank 0 has {counts[0][0]}");
        if (own.Count == 0) return;
        var all = communicator.Meet([.. own.Select(Hash)]);
        for (var index = 0; index < own.Count; index++)
        {
            var different = Array.FindIndex(all, rank => rank[index] != all[0][index]);
            if (different < 0) continue;
            var words = MeetWords(communicator, own[index]);
            throw new InvalidOperationException($"{what}: number {index} is {words[different]} on rank {different} but {words[0]} on rank 0");
        }
    }

    private static long Hash(string words) => BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(words)));

    private static string[] MeetWords(Communicator communicator, string own)
    {
        var bytes = Encoding.UTF8.GetBytes(own);
        var lengths = communicator.Meet(bytes.Length);
        var padding = new long[lengths.Max(rank => rank[0]) - bytes.Length];
        return
        [
            .. communicator.Meet([.. bytes.Select(value => (long)value), .. padding])
                .Select((rank, index) => Encoding.UTF8.GetString([.. rank.Take((int)lengths[index][0]).Select(value => (byte)value)])),
        ];
    }
}
