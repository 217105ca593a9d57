using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Which tiles a matrix of similarities is cut into, and how many of them may be kept.</summary>
internal sealed class TilePlan
{
    /// <summary>
    /// On a CPU a tile and the scratch beside it stay in the caches, so that only the products cost; on other devices it fills the
    /// device.
    /// </summary>
    private static (long Rows, long Columns) Preferred(Device device)
        => device.type == DeviceType.CPU ? (1024, 512) : (2048, 2048);

    private readonly bool _isSelf;

    private TilePlan(long anchors, long candidates, long rows, long columns, long keptTiles, bool isSelf = false)
        => (Anchors, Candidates, Rows, Columns, KeptTiles, _isSelf) = (anchors, candidates, rows, columns, keptTiles, isSelf);

    /// <summary>The tiles of a matrix.</summary>
    /// <param name="anchors">N.</param>
    /// <param name="candidates">M.</param>
    /// <param name="dtype">The dtype of the similarities.</param>
    /// <param name="device">Their device.</param>
    /// <param name="tiling">What the user says.</param>
    /// <param name="scratch">How many tiles there are at once beside those that are kept.</param>
    public static TilePlan Of(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling, int scratch)
    {
        var preferred = Preferred(device);
        var columns = tiling.Columns is { } width ? Math.Min(width, candidates) : Even(candidates, preferred.Columns);
        var rows = tiling.Rows is { } height ? Math.Min(height, anchors) : Even(anchors, preferred.Rows);
        return new TilePlan(anchors, candidates, rows, columns, Kept(rows * columns, dtype, tiling, scratch));
    }

    /// <summary>The tiles of a set contrasted with itself: square ones, on the diagonal and above it.</summary>
    /// <param name="count">N.</param>
    /// <param name="dtype">The dtype of the similarities.</param>
    /// <param name="device">Their device.</param>
    /// <param name="tiling">What the user says.</param>
    /// <param name="scratch">How many tiles there are at once beside those that are kept.</param>
    public static TilePlan OfSelf(long count, ScalarType dtype, Device device, Tiling tiling, int scratch)
    {
        var edge = Math.Min(tiling.Rows ?? long.MaxValue, tiling.Columns ?? long.MaxValue);
        edge = edge < long.MaxValue ? Math.Min(edge, count) : Even(count, Preferred(device).Columns);
        return new TilePlan(count, count, edge, edge, Kept(edge * edge, dtype, tiling, scratch), isSelf: true);
    }

    public long Anchors { get; }

    public long Candidates { get; }

    public long Rows { get; }

    public long Columns { get; }

    /// <summary>How many tiles may be kept from one pass to the next.</summary>
    public long KeptTiles { get; }

    /// <summary>How many tiles there are.</summary>
    public long Count
    {
        get
        {
            var (strips, parts) = (Parts(Anchors, Rows), Parts(Candidates, Columns));
            return _isSelf ? strips * (strips + 1) / 2 : strips * parts;
        }
    }

    /// <summary>The tiles, row by row.</summary>
    public IEnumerable<PairBlock> Tiles => Runs.Of(Anchors, Rows).SelectMany(strip => Runs.Of(Candidates, Columns)
        .Where(part => !_isSelf || part.First >= strip.First)
        .Select(part => new PairBlock(strip.First, strip.Count, part.First, part.Count)));

    /// <summary>
    /// How many anchors a loss of one direction is worked out for at a time, with all their tiles kept: one row of tiles, within half of
    /// the budget but no fewer than 64 anchors.
    /// </summary>
    public static long StripRows(long candidates, ScalarType dtype, Device device, Tiling tiling)
        => Math.Max(64, Math.Min(tiling.Rows ?? Preferred(device).Rows, tiling.MemoryBudget / 2 / (candidates * Size(dtype))));

    /// <summary>The same tiles, all of them kept.</summary>
    public TilePlan KeepingAll() => new(Anchors, Candidates, Rows, Columns, Count, _isSelf);

    /// <summary>The same tiles, none of them kept.</summary>
    public TilePlan KeepingNone() => new(Anchors, Candidates, Rows, Columns, 0, _isSelf);

    /// <summary>The size of equal parts, as few as keep to <paramref name="most"/>: no sliver at the end.</summary>
    private static long Even(long total, long most)
    {
        var parts = Parts(total, most);
        return (total + parts - 1) / parts;
    }

    /// <summary>The bytes of a similarity.</summary>
    public static long Size(ScalarType dtype) => dtype == ScalarType.Float64 ? 8 : 4;

    private static long Kept(long pairs, ScalarType dtype, Tiling tiling, int scratch)
    {
        var tile = pairs * Size(dtype);
        return Math.Max(0, (tiling.MemoryBudget - (scratch * tile)) / tile);
    }

    private static long Parts(long total, long size) => (total + size - 1) / size;
}
