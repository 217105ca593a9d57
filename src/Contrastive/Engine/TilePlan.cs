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

    public TilePlan(long anchors, long candidates, ScalarType dtype, Device device, Tiling tiling)
    {
        Anchors = anchors;
        Candidates = candidates;
        var elementSize = dtype == ScalarType.Float64 ? 8 : 4;
        var preferred = Preferred(device);
        Columns = tiling.Columns is { } columns ? Math.Min(columns, candidates) : Even(candidates, preferred.Columns);

        // A row of tiles is the least that a single pass holds at once: it must leave room for the copies beside it.
        var strip = tiling.MemoryBudget / 2 / (candidates * elementSize);
        Rows = tiling.Rows is { } rows ? Math.Min(rows, anchors) : Even(anchors, Math.Clamp(strip, 64, preferred.Rows));

        var tile = Rows * Columns * elementSize;
        KeptTiles = Math.Max(0, (tiling.MemoryBudget - (WorkingTiles * tile)) / tile);
    }

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
