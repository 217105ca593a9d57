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
            select (n, m, tiling)).Sample(x =>
        {
            var plan = (x.n + x.m) % 2 == 0
                ? TilePlan.OfPasses(x.n, x.m, ScalarType.Float32, Cpu, x.tiling, 4)
                : TilePlan.OfRows(x.n, x.m, ScalarType.Float32, Cpu, x.tiling, 4);
            var seen = new int[x.n, x.m];
            foreach (var tile in plan.AllTiles)
                for (var i = 0; i < tile.Anchors; i++)
                    for (var j = 0; j < tile.Candidates; j++)
                        seen[tile.FirstAnchor + i, tile.FirstCandidate + j]++;
            seen.Cast<int>().Should().AllBeEquivalentTo(1);
        });

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
            var passes = TilePlan.OfPasses(batch, batch, dtype, Cpu, new Tiling { MemoryBudget = budget }, workingTiles: 4);
            if (passes.KeptTiles > 0) ((passes.KeptTiles + 4) * passes.Rows * passes.Columns * size).Should().BeLessThanOrEqualTo(budget);
            var rows = TilePlan.OfRows(batch, batch, dtype, Cpu, new Tiling { MemoryBudget = budget }, workingTiles: 4);
            if (rows.Rows > 64) (rows.Rows * batch * size).Should().BeLessThanOrEqualTo(budget / 2);
        }
    }

    [Fact]
    public void Within_the_budget_every_tile_is_kept_and_beyond_it_some()
    {
        var small = TilePlan.OfPasses(4096, 4096, ScalarType.Float32, Cpu, Tiling.Default, 4);
        small.KeptTiles.Should().BeGreaterThanOrEqualTo(small.AllTiles.Count());
        var large = TilePlan.OfPasses(16384, 16384, ScalarType.Float32, Cpu, Tiling.Default, 4);
        var onDevice = TilePlan.OfPasses(8192, 8192, ScalarType.Float32, META, Tiling.Default, 4);
        onDevice.KeptTiles.Should().BeInRange(8, onDevice.AllTiles.Count() - 1);
        large.KeptTiles.Should().BeInRange(1, large.AllTiles.Count() - 1);
        TilePlan.OfPasses(4096, 4096, ScalarType.Float32, Cpu, new Tiling { MemoryBudget = 0 }, 4).KeptTiles.Should().Be(0);
    }

    [Fact]
    public void Sizes_can_be_set_and_bad_ones_are_refused()
    {
        var plan = TilePlan.OfPasses(100, 50, ScalarType.Float32, Cpu, new Tiling { Rows = 7, Columns = 500 }, 4);
        (plan.Rows, plan.Columns).Should().Be((7, 50));
        var rows = TilePlan.OfRows(4096, 4096, ScalarType.Float32, Cpu, new Tiling { Rows = 4096, MemoryBudget = 4 << 20 }, 4);
        rows.Rows.Should().Be(128, "a row of tiles keeps to the budget");
        var left = TilePlan.OfPasses(1000, 700, ScalarType.Float32, Cpu, new Tiling { Rows = null, Columns = null }, 4);
        var chosen = TilePlan.OfPasses(1000, 700, ScalarType.Float32, Cpu, new Tiling(), 4);
        (left.Rows, left.Columns).Should().Be((chosen.Rows, chosen.Columns), "null is a size by device, as when nothing is said");
        Refuses(() => new Tiling { Rows = 0 }, "Rows must be at least 1 but is 0");
        Refuses(() => new Tiling { Columns = -2 }, "Columns must be at least 1 but is -2");
        Refuses(() => new Tiling { MemoryBudget = -1 }, "MemoryBudget must be at least 0 but is -1");
        Refuses(() => new Tiling { DensePairs = -1 }, "DensePairs must be at least 0 but is -1");
        FluentActions.Invoking(() => new InfoNCELoss { Tiling = null! }).Should().Throw<ArgumentNullException>();
    }
}
