using Contrastive.Numerics;

namespace Contrastive;

/// <summary>
/// How a loss works through the matrix of similarities: in tiles, within a budget of memory.
/// The defaults suit almost everybody; no result depends on them beyond rounding.
/// </summary>
/// <remarks>
/// Beside what grows with the batch times the features, a loss takes no more memory than the budget and a few tiles at hand (of the
/// default sizes some 8 MiB on a CPU and 64 MiB on other devices; three times that with masks). Tiles that fit into it are
/// kept between the pass that sums and the pass that differentiates; others are computed twice, which is one matrix product
/// more. On a CPU the tiles' memory stays for the next step, since the system would have to clear fresh memory; it is given back where it
/// has not been used for a few full garbage collections.
/// </remarks>
public sealed class Tiling
{
    /// <summary>Tile sizes by device, and 192 MiB.</summary>
    public static Tiling Default { get; } = new();

    /// <summary>
    /// The anchors of a tile; null chooses by size and device. A single pass, which holds a row of tiles, takes fewer where the
    /// budget asks for it. Range: ≥ 1.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long? Rows
    {
        get;
        init => field = value is { } rows ? Guard.AtLeast(rows, 1, nameof(Rows)) : null;
    }

    /// <summary>The candidates of a tile; null chooses by size and device. Range: ≥ 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long? Columns
    {
        get;
        init => field = value is { } columns ? Guard.AtLeast(columns, 1, nameof(Columns)) : null;
    }

    /// <summary>
    /// The bytes that tiles may take. With 0 nothing is kept, and there are never more tiles at once than one row of them needs;
    /// the similarities of 64 anchors are taken in any case. Range: ≥ 0.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long MemoryBudget
    {
        get;
        init => field = Guard.AtLeast(value, 0, nameof(MemoryBudget));
    } = 192L << 20;

    /// <summary>
    /// Up to this many pairs (N · M) the whole matrix is formed and autograd does the rest: derivatives of any order are exact
    /// then, as gradient penalties need. 0 by default: tiles are faster at every size. Beyond it a loss can be differentiated
    /// once, and second derivatives through it are not finite; nor are they with the memory of a <c>GammaContrastiveLoss</c>, whose
    /// rows always go in tiles. Without reduction the matrix is always formed if a gradient is
    /// needed. Range: ≥ 0.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long DensePairs
    {
        get;
        init => field = Guard.AtLeast(value, 0, nameof(DensePairs));
    }

    /// <summary>The same without a matrix that is formed at once.</summary>
    internal Tiling InTiles() => DensePairs == 0 ? this : new Tiling { Rows = Rows, Columns = Columns, MemoryBudget = MemoryBudget };
}
