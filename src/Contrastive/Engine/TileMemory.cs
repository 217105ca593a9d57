using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The tiles that there are at once: parts of one allocation, or of a small matrix that is one tile a tensor each. What was allocated is
/// kept for the next step: fresh memory has to be cleared by the system, which costs as much as a sixth of a step's arithmetic.
/// </summary>
internal sealed class TileMemory
{
    private readonly long _size;
    private readonly Tensor[] _parts;
    private readonly Tensor? _whole;
    private readonly long _tiles;

    /// <param name="tiles">How many.</param>
    /// <param name="plan">Their sizes.</param>
    /// <param name="like">Features whose device and dtype they have.</param>
    public TileMemory(long tiles, TilePlan plan, Tensor like)
    {
        (_tiles, _size) = (tiles, plan.Rows * plan.Columns);
        var numbers = tiles * _size;
        // Small ones are nothing to the allocator, and tensors of their own are fewer calls.
        if (plan.Count == 1 && _size * TilePlan.Size(like.dtype) < Workspace.Large)
        {
            _parts = new Tensor[tiles];
            for (var i = 0; i < tiles; i++) _parts[i] = Workspace.Empty([plan.Rows, plan.Columns], like.dtype, like.device);
            return;
        }
        _whole = SpareMemory.Rent(numbers, like);
        _parts = [_whole.narrow(0, 0, numbers)];
    }

    /// <summary>Whether there is room for so many tiles of a plan.</summary>
    public bool Holds(long count, TilePlan other) => other.Rows * other.Columns <= _size && count <= _tiles;

    /// <summary>A tile's memory, of the shape of <paramref name="block"/>, with anything in it.</summary>
    public Tensor Tile(long index, PairBlock block)
    {
        var isOwn = _whole is null;
        var part = isOwn ? _parts[index] : _parts[0];
        if (isOwn && part.size(0) == block.Anchors && part.size(1) == block.Candidates) return part;
        return part.view(-1).narrow(0, isOwn ? 0 : index * _size, block.Anchors * block.Candidates).view(block.Anchors, block.Candidates);
    }

    /// <summary>Gives the memory back. Once.</summary>
    public void Release()
    {
        foreach (var part in _parts) part.Dispose();
        if (_whole is not null) SpareMemory.Return(_whole);
    }
}

/// <summary>
/// Memory of a step that is over, for the next one: one large piece a dtype. It goes back to the system where it has not been used for as long as
/// a few full collections take.
/// </summary>
internal static class SpareMemory
{
    // By width: of float32 and of float64.
    private static readonly Tensor?[] Spare = new Tensor?[2];
    private static int _collectionsUnused;
    private static int _watched;

    /// <summary>At least so many numbers in a row, with anything in them. In the caller's dispose scope, until they are returned.</summary>
    public static Tensor Rent(long numbers, Tensor like)
    {
        if (IsKept(numbers, like))
        {
            using var spare = Interlocked.Exchange(ref Spare[Index(like.dtype)], null);
            // Not far more than is asked for: a large batch now and then is not to hold its memory through small ones.
            if (spare is not null && spare.numel() >= numbers && spare.numel() <= 4 * numbers) return spare.view(-1);
        }
        return Workspace.Empty([numbers], like.dtype, like.device);
    }

    /// <summary>Keeps what was rented for the next one; nothing where its dispose scope has ended before.</summary>
    public static void Return(Tensor rented)
    {
        if (rented.IsInvalid) return;
        if (!IsKept(rented.numel(), rented))
        {
            rented.Dispose();
            return;
        }
        Volatile.Write(ref _collectionsUnused, 0);
        if (Interlocked.Exchange(ref _watched, 1) == 0) _ = new FullCollections();
        Interlocked.Exchange(ref Spare[Index(rented.dtype)], rented.DetachFromDisposeScope())?.Dispose();
    }

    /// <summary>Small pieces cost nothing; what is made in inference mode can be written to nowhere else.</summary>
    private static bool IsKept(long numbers, Tensor like)
        => like.device_type == DeviceType.CPU && numbers * TilePlan.Size(like.dtype) >= Workspace.Large && !is_inference_mode_enabled();

    private static int Index(ScalarType dtype) => dtype == ScalarType.Float64 ? 1 : 0;

    /// <summary>Its finaliser runs at collections of the generation it has come to, in the end at full ones alone.</summary>
    private sealed class FullCollections
    {
        ~FullCollections()
        {
            if (Environment.HasShutdownStarted) return;
            if (Interlocked.Increment(ref _collectionsUnused) > 3)
            {
                for (var i = 0; i < Spare.Length; i++) Interlocked.Exchange(ref Spare[i], null)?.Dispose();
            }
            GC.ReRegisterForFinalize(this);
        }
    }
}
