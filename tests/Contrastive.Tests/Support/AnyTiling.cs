using CsCheck;

namespace Contrastive.Tests;

internal static class AnyTiling
{
    /// <summary>The whole matrix at once, whatever its size.</summary>
    public static readonly Tiling Whole = new() { DensePairs = long.MaxValue };

    /// <summary>The whole matrix at once, or tiles of all sizes with memory for all, some or none of them.</summary>
    public static readonly Gen<Tiling> Gen =
        from whole in CsCheck.Gen.Bool
        from rows in CsCheck.Gen.Int[1, 7]
        from columns in CsCheck.Gen.Int[1, 7]
        from budget in CsCheck.Gen.Int[0, 2]
        select whole ? Whole : Tiles(rows, columns, budget switch { 0 => 0, 1 => 300, _ => 1 << 20 });

    /// <summary>Tiles of a size.</summary>
    public static Tiling Tiles(long rows, long columns, long budget = 1 << 20)
        => new() { Rows = rows, Columns = columns, MemoryBudget = budget };
}
