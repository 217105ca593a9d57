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
        => device.type == DeviceType.CPU ? (1024, 512) : (4096, 4096);

    private TilePlan(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling, bool holdsRows)
    {
        Anchors = anchors;
        Candidates = candidates;
        var elementSize = dtype == ScalarType.Float64 ? 8 : 4;
        var preferred = Preferred(device);
        Columns = tiling.Columns is { } columns ? Math.Min(columns, candidates) : Even(candidates, preferred.Columns);

        // A row of tiles must leave room for the copies beside it.
        var affordable = holdsRows ? Math.Max(64, tiling.MemoryBudget / 2 / (candidates * elementSize)) : preferred.Rows;
        Rows = tiling.Rows is { } rows ? Math.Min(rows, anchors) : Even(anchors, Math.Min(affordable, preferred.Rows));

        var tile = Rows * Columns * elementSize;
        KeptTiles = Math.Max(0, (tiling.MemoryBudget - (WorkingTiles * tile)) / tile);
    }

    /// <summary>For passes over all tiles, which hold one at a time and those that are kept.</summary>
    public static TilePlan OfPasses(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling)
        => new(anchors, candidates, dtype, device, tiling, holdsRows: false);

    /// <summary>For a single pass, which holds the tiles of a row at once.</summary>
    public static TilePlan OfRows(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling)
        => new(anchors, candidates, dtype, device, tiling, holdsRows: true);

    /// <summary>The tile at hand, the other direction's copy and the temporaries of a log-sum-exp.</summary>
    private const long WorkingTiles = 4;

    public long Anchors { get; }

    public long Candidates { get; }

    public long Rows { get; }

    public long Columns { get; }

    /// <summary>How many tiles may be kept from one pass to the next.</summary>
    public long KeptTiles { get; }

    /// <summary>Whether one tile is all there is.</summary>
    public bool IsWhole => Rows == Anchors && Columns == Candidates;

    public IEnumerable<(long First, long Count)> Strips => Cut(Anchors, Rows);

    /// <summary>The tiles of the whole matrix, strip by strip.</summary>
    public IEnumerable<PairBlock> AllTiles => Strips.SelectMany(Tiles);

    public IEnumerable<PairBlock> Tiles((long First, long Count) strip)
        => Cut(Candidates, Columns).Select(part => new PairBlock(strip.First, strip.Count, part.First, part.Count));

    private static IEnumerable<(long First, long Count)> Cut(long total, long size)
    {
        for (long first = 0; first < total; first += size) yield return (first, Math.Min(size, total - first));
    }

    /// <summary>The size of equal parts, as few as keep to <paramref name="most"/>: no sliver at the end.</summary>
    private static long Even(long total, long most)
    {
        var parts = (total + most - 1) / most;
        return (total + parts - 1) / parts;
    }
}
