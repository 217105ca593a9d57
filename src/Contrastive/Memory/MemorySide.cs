using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>One side of a memory: a ring of rows, of which the newest are used.</summary>
/// <param name="Rows">(K, D), as similarities compare them, without the scale.</param>
/// <param name="Ids">(K), the samples; <see cref="Unknown"/> where they were not told.</param>
/// <param name="Labels">(K), likewise.</param>
/// <param name="LogWeights">(K), log(u / k) as an anchor; -∞ where it has none.</param>
/// <param name="Position">The next place and how many there are, from <paramref name="At"/> on.</param>
/// <param name="At">Where they stand.</param>
internal readonly record struct MemorySide(Tensor Rows, Tensor Ids, Tensor Labels, Tensor LogWeights, Tensor Position, int At)
{
    /// <summary>The id of an entry that came without.</summary>
    private const long Unknown = long.MinValue;

    private static readonly Scalar UnknownScalar = Unknown.ToScalar();

    /// <summary>How many rows there are.</summary>
    public long Count => Read(Position, At + 1);

    private long Capacity => Rows.shape[0];

    /// <summary>The newest rows, the oldest of them first; views where they lie in one run. In the caller's dispose scope.</summary>
    /// <param name="length">At most how many.</param>
    public MemoryEntries? Newest(long length)
    {
        var count = Math.Min(length, Count);
        if (count == 0) return null;
        var first = (Read(Position, At) - count + Capacity) % Capacity;
        var untilEnd = Math.Min(count, Capacity - first);
        return new MemoryEntries(Part(Rows), Part(Ids), Part(Labels), Part(LogWeights));

        Tensor Part(Tensor ring) => untilEnd == count
            ? ring.narrow(0, first, count)
            : cat([ring.narrow(0, first, untilEnd), ring.narrow(0, 0, count - untilEnd)]);
    }

    /// <summary>Puts rows in; the oldest make room.</summary>
    public void Add(Tensor rows, Tensor? ids, Tensor? labels, Tensor? logWeights)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var kept = Math.Min(rows.shape[0], Capacity);
        var skipped = rows.shape[0] - kept;
        var start = Read(Position, At);
        var (ring, allIds, allLabels, weights) = (Rows, Ids, Labels, LogWeights);
        var untilEnd = Math.Min(kept, Capacity - start);
        Store(start, skipped, untilEnd);
        if (kept > untilEnd) Store(0, skipped + untilEnd, kept - untilEnd);
        Write(Position, At, (start + kept) % Capacity);
        Write(Position, At + 1, Math.Min(Capacity, Count + kept));

        void Store(long at, long first, long count)
        {
            Put(ring, rows, Scalars.Zero);
            Put(allIds, ids, UnknownScalar);
            Put(allLabels, labels, UnknownScalar);
            Put(weights, logWeights, Scalars.NegativeInfinity);

            void Put(Tensor target, Tensor? values, Scalar otherwise)
            {
                var place = target.narrow(0, at, count);
                if (values is null) place.fill_(otherwise);
                else place.copy_(values.detach().narrow(0, first, count));
            }
        }
    }

    /// <summary>A number of a vector of integers.</summary>
    public static long Read(Tensor numbers, int index)
    {
        using var scope = NewDisposeScope();
        return numbers[index].item<long>();
    }

    /// <summary>Sets a number of a vector of integers.</summary>
    public static void Write(Tensor numbers, int index, long value)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var scalar = value.ToScalar();
        numbers[index].fill_(scalar);
    }
}

/// <summary>Some entries of a memory's side, (K, D) and (K).</summary>
internal sealed record MemoryEntries(Tensor Rows, Tensor Ids, Tensor Labels, Tensor LogWeights)
{
    /// <summary>Their pairs with rows of a batch: all negatives, but for those of one sample or one label, which are excluded.</summary>
    /// <param name="count">The rows of the batch, n.</param>
    /// <param name="ids">(n), or null.</param>
    /// <param name="labels">(n), or null.</param>
    public PairMap PairsWith(long count, Tensor? ids, Tensor? labels)
    {
        var map = PairMap.Negatives(count, Rows.shape[0]);
        if (ids is not null) map = map.WithSampleIds(ids, Ids);
        if (labels is not null) map = map.WithSampleIds(labels, Labels);
        return map;
    }

    /// <summary>The rows for a contrast with features of a dtype.</summary>
    public FeatureRows Features(ScalarType dtype) => new(Rows.To(dtype), SimilarityMeasure.DotProduct);
}
