using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests.Engine;

public class TilePlanTests
{
    private static readonly Device Cpu = CPU;

    [Fact]
    public void Tiles_cover_every_pair_once()
        => (from n in Gen.Int[1, 40]
            from m in Gen.Int[1, 40]
            from tiling in AnyTiling.Gen
            select (n, m, tiling)).Check(x =>
        {
            var plan = TilePlan.Of(x.n, x.m, ScalarType.Float32, Cpu, x.tiling, 4);
            plan.Tiles.Count().Should().Be((int)plan.Count);
            var seen = new int[x.n, x.m];
            foreach (var tile in plan.Tiles)
                for (var i = 0; i < tile.Anchors; i++)
                    for (var j = 0; j < tile.Candidates; j++)
                        seen[tile.FirstAnchor + i, tile.FirstCandidate + j]++;
            seen.Cast<int>().Should().AllBeEquivalentTo(1);
        }, 100);

    [Theory]
    [InlineData(4096, 256L << 20)]
    [InlineData(32768, 256L << 20)]
    [InlineData(100_000, 256L << 20)]
    [InlineData(100_000, 64L << 20)]
    [InlineData(100, 0)]
    public void What_is_held_at_once_keeps_to_the_budget(long batch, long budget)
    {
        foreach (var (dtype, size) in new[] { (ScalarType.Float32, 4L), (ScalarType.Float64, 8L) })
        {
            var tiling = new Tiling { MemoryBudget = budget };
            var passes = TilePlan.Of(batch, batch, dtype, Cpu, tiling, scratch: 4);
            if (passes.KeptTiles > 0) ((passes.KeptTiles + 4) * passes.Rows * passes.Columns * size).Should().BeLessThanOrEqualTo(budget);
            var rows = TilePlan.StripRows(batch, dtype, Cpu, tiling);
            if (rows > 64) (rows * batch * size).Should().BeLessThanOrEqualTo(budget / 2);
            var strip = TilePlan.Of(rows, batch, dtype, Cpu, tiling, scratch: 3).KeepingAll();
            strip.KeptTiles.Should().Be(strip.Count);
        }
    }

    [Fact]
    public void Within_the_budget_every_tile_is_kept_and_beyond_it_some()
    {
        var small = TilePlan.Of(4096, 4096, ScalarType.Float32, Cpu, AnyTiling.Whole, 4);
        small.KeptTiles.Should().BeGreaterThanOrEqualTo(small.Count);
        var large = TilePlan.Of(16384, 16384, ScalarType.Float32, Cpu, AnyTiling.Whole, 4);
        var onDevice = TilePlan.Of(8192, 8192, ScalarType.Float32, META, AnyTiling.Whole, 4);
        onDevice.KeptTiles.Should().BeInRange(8, onDevice.Count - 1);
        large.KeptTiles.Should().BeInRange(1, large.Count - 1);
        small.KeepingNone().KeptTiles.Should().Be(0);
        TilePlan.Of(4096, 4096, ScalarType.Float32, Cpu, new Tiling { MemoryBudget = 0 }, 4).KeptTiles.Should().Be(0);
    }

    [Fact]
    public void Sizes_can_be_set_and_bad_ones_are_refused()
    {
        var plan = TilePlan.Of(100, 50, ScalarType.Float32, Cpu, new Tiling { Rows = 7, Columns = 500 }, 4);
        (plan.Rows, plan.Columns).Should().Be((7, 50));
        TilePlan.StripRows(4096, ScalarType.Float32, Cpu, new Tiling { MemoryBudget = 4 << 20 })
            .Should().Be(128, "a strip keeps to half of the budget");
        var left = TilePlan.Of(1000, 700, ScalarType.Float32, Cpu, new Tiling { Rows = null, Columns = null }, 4);
        var chosen = TilePlan.Of(1000, 700, ScalarType.Float32, Cpu, new Tiling(), 4);
        (left.Rows, left.Columns).Should().Be((chosen.Rows, chosen.Columns), "null is a size by device, as when nothing is said");
        Refuses(() => new Tiling { Rows = 0 }, "Rows must be at least 1 but is 0");
        Refuses(() => new Tiling { Columns = -2 }, "Columns must be at least 1 but is -2");
        Refuses(() => new Tiling { MemoryBudget = -1 }, "MemoryBudget must be at least 0 but is -1");
        Refuses(() => new Tiling { DensePairs = -1 }, "DensePairs must be at least 0 but is -1");
        FluentActions.Invoking(() => new InfoNCELoss { Tiling = null! }).Should().Throw<ArgumentNullException>();
    }

    [Theory]
    [InlineData(null, null, 500)]
    [InlineData(70, null, 70)]
    [InlineData(null, 90, 90)]
    [InlineData(70, 90, 70)]
    [InlineData(90, 70, 70)]
    [InlineData(5000, null, 1000)]
    public void A_set_with_itself_has_square_tiles_on_the_diagonal_and_above(int? rows, int? columns, long edge)
    {
        var plan = TilePlan.OfSelf(1000, ScalarType.Float32, Cpu, new Tiling { Rows = rows, Columns = columns, MemoryBudget = 10 * edge * edge * 4 }, scratch: 3);
        (plan.Rows, plan.Columns, plan.KeptTiles).Should().Be((edge, edge, 7));
        plan.Count.Should().Be(plan.Tiles.Count());
        var seen = new int[1000, 1000];
        foreach (var tile in plan.Tiles)
        {
            tile.FirstCandidate.Should().BeGreaterThanOrEqualTo(tile.FirstAnchor);
            for (var i = tile.FirstAnchor; i < tile.FirstAnchor + tile.Anchors; i++)
                for (var j = tile.FirstCandidate; j < tile.FirstCandidate + tile.Candidates; j++)
                    seen[i, j]++;
        }
        for (var i = 0; i < 1000; i++)
            for (var j = i; j < 1000; j++)
                if (seen[i, j] != 1) throw new InvalidOperationException($"({i}, {j}) is in {seen[i, j]} tiles");
        (plan.KeepingAll().Count, plan.KeepingAll().KeptTiles, plan.KeepingNone().Count).Should().Be((plan.Count, plan.Count, plan.Count));
    }

    [Theory]
    [InlineData(null, 192, 1024)]
    [InlineData(100, 192, 100)]
    [InlineData(2000, 192, 2000)]
    [InlineData(2000, 2, 256)]
    [InlineData(10, 192, 64)]
    public void A_strip_has_a_row_of_tiles_within_half_of_the_budget(int? rows, int mebibytes, long expected)
        => TilePlan.StripRows(1024, ScalarType.Float32, Cpu, new Tiling { Rows = rows, MemoryBudget = (long)mebibytes << 20 }).Should().Be(expected);

    [Fact]
    public void In_tiles_it_is_the_same_but_for_the_whole_matrix()
    {
        var tiles = new Tiling { Rows = 3, Columns = 4, MemoryBudget = 5 };
        tiles.InTiles().Should().BeSameAs(tiles);
        var whole = new Tiling { Rows = 3, Columns = 4, MemoryBudget = 5, DensePairs = 100 }.InTiles();
        (whole.Rows, whole.Columns, whole.MemoryBudget, whole.DensePairs).Should().Be((3, 4, 5, 0));
    }
}
