using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Which tiles a matrix of similarities is cut into, and how many of them may be kept.</summary>
internal sealed class TilePlan
{
    /// <summary>
    /// On a CPU a tile and the copy that two directions need stay in the caches, so that only the products cost; on other devices
    /// it fills the device.
    /// </summary>
    private static (long Rows, long Columns) Preferred(Device device)
        => device.type == DeviceType.CPU ? (1024, 512) : (2048, 2048);

    private TilePlan(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling, int workingTiles, bool holdsRows)
    {
        Anchors = anchors;
        Candidates = candidates;
        var elementSize = dtype == ScalarType.Float64 ? 8 : 4;
        var preferred = Preferred(device);
        Columns = tiling.Columns is { } columns ? Math.Min(columns, candidates) : Even(candidates, preferred.Columns);

        // A row of tiles must leave room for the copies beside it.
        var affordable = holdsRows ? Math.Max(64, tiling.MemoryBudget / 2 / (candidates * elementSize)) : anchors;
        Rows = tiling.Rows is { } rows
            ? Math.Min(rows, Math.Min(anchors, affordable))
            : Even(anchors, Math.Min(affordable, preferred.Rows));

        var tile = Rows * Columns * elementSize;
        KeptTiles = Math.Max(0, (tiling.MemoryBudget - (workingTiles * tile)) / tile);
    }

    /// <summary>For passes over all tiles, which hold one at a time and those that are kept.</summary>
    public static TilePlan OfPasses(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling, int workingTiles)
        => new(anchors, candidates, dtype, device, tiling, workingTiles, holdsRows: false);

    /// <summary>For a single pass, which holds the tiles of a row at once.</summary>
    public static TilePlan OfRows(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling, int workingTiles)
        => new(anchors, candidates, dtype, device, tiling, workingTiles, holdsRows: true);

    public long Anchors { get; }

    public long Candidates { get; }

    public long Rows { get; }

    public long Columns { get; }

    /// <summary>How many tiles may be kept from one pass to the next.</summary>
    public long KeptTiles { get; }

    /// <summary>Whether one tile is all there is.</summary>
    public bool IsWhole => Rows == Anchors && Columns == Candidates;

    public IEnumerable<(long First, long Count)> Strips => Runs.Of(Anchors, Rows);

    /// <summary>The tiles of the whole matrix, strip by strip.</summary>
    public IEnumerable<PairBlock> AllTiles => Strips.SelectMany(Tiles);

    public IEnumerable<PairBlock> Tiles((long First, long Count) strip)
        => Runs.Of(Candidates, Columns).Select(part => new PairBlock(strip.First, strip.Count, part.First, part.Count));

    /// <summary>The size of equal parts, as few as keep to <paramref name="most"/>: no sliver at the end.</summary>
    private static long Even(long total, long most)
    {
        var parts = (total + most - 1) / most;
        return (total + parts - 1) / parts;
    }
}
