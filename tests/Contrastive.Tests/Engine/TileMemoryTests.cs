using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Engine;

/// <summary>The memory of tiles, and what is kept of it from one step to the next.</summary>
public sealed class TileMemoryTests : IDisposable
{
    /// <summary>The fewest numbers of float32 that are kept.</summary>
    private const long Enough = Workspace.Large / 4;

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Tensor _narrow = zeros(1);
    private readonly Tensor _wide = zeros(1, dtype: ScalarType.Float64);

    public TileMemoryTests() => Drain();

    public void Dispose()
    {
        Drain();
        _scope.Dispose();
    }

    /// <summary>What others left is of another size than this, and goes.</summary>
    private void Drain()
    {
        foreach (var like in new[] { _narrow, _wide })
            SpareMemory.Rent(64 * Enough, like).Dispose();
    }

    /// <summary>Rents, leaves a mark and returns. Whether that freed nothing.</summary>
    private static bool Keep(long numbers, Tensor like, double mark)
    {
        var rented = SpareMemory.Rent(numbers, like);
        rented.numel().Should().Be(numbers);
        rented.fill_(mark);
        SpareMemory.Return(rented);
        return !rented.IsInvalid;
    }

    /// <summary>Whether what was kept comes back. (Fresh memory may hold the mark by chance, but has the size that is asked for.)</summary>
    private static bool IsKept(long asked, Tensor like, double mark, long? numbers = null)
    {
        var rented = SpareMemory.Rent(asked, like);
        rented.numel().Should().BeGreaterThanOrEqualTo(asked);
        var kept = rented.numel() == (numbers ?? asked)
            && rented[0].to(ScalarType.Float64).item<double>() == mark && rented[-1].to(ScalarType.Float64).item<double>() == mark;
        rented.fill_(0);
        rented.Dispose();
        return kept;
    }

    [Theory]
    [InlineData(4 * Enough, 4 * Enough, true)]
    [InlineData(4 * Enough, Enough, true)]
    [InlineData((4 * Enough) + 1, Enough, false)]
    [InlineData(2 * Enough, (2 * Enough) + 1, false)]
    [InlineData(Enough, Enough, true)]
    [InlineData(Enough - 1, Enough - 1, false)]
    public void What_is_returned_is_there_for_the_next_of_about_its_size(long returned, long asked, bool kept)
    {
        if (Keep(returned, _narrow, 7))
        {
            SpareMemory.Rent(asked, _wide).numel().Should().Be(asked, "another dtype has its own");
            IsKept(asked, _narrow, 7, returned).Should().Be(kept);
        }
        else
        {
            kept.Should().BeFalse();
            returned.Should().BeLessThan(Enough);
        }
    }

    [Fact]
    public void Float64_is_kept_from_half_as_many_numbers_on_beside_float32()
    {
        Keep(Enough / 2, _wide, 3);
        Keep(Enough, _narrow, 5);
        IsKept(Enough / 2, _wide, 3).Should().BeTrue();
        IsKept(Enough, _narrow, 5).Should().BeTrue();
        Keep((Enough / 2) - 1, _wide, 3).Should().BeFalse();
    }

    [Fact]
    public void Of_two_that_are_returned_the_last_is_kept_and_the_other_is_freed()
    {
        Tensor first = SpareMemory.Rent(Enough, _narrow), second = SpareMemory.Rent(Enough, _narrow);
        second.fill_(2);
        SpareMemory.Return(first);
        first.IsInvalid.Should().BeFalse();
        SpareMemory.Return(second);
        first.IsInvalid.Should().BeTrue();
        IsKept(Enough, _narrow, 2).Should().BeTrue();
    }

    [Fact]
    public void What_cannot_serve_another_step_is_freed()
    {
        var small = SpareMemory.Rent(100, _narrow);
        small.numel().Should().Be(100);
        SpareMemory.Return(small);
        small.IsInvalid.Should().BeTrue();

        using (inference_mode())
        {
            var inferred = SpareMemory.Rent(Enough, _narrow);
            SpareMemory.Return(inferred);
            inferred.IsInvalid.Should().BeTrue("it can be written to in inference mode alone");
        }

        using var elsewhere = zeros(1, device: META);
        var onDevice = SpareMemory.Rent(Enough, elsewhere);
        SpareMemory.Return(onDevice);
        onDevice.IsInvalid.Should().BeTrue();

        Tensor gone;
        using (NewDisposeScope())
            gone = SpareMemory.Rent(Enough, _narrow);
        SpareMemory.Return(gone);
    }

    /// <summary>Held outside of what the caller's scope ends.</summary>
    [Fact]
    public void What_is_kept_outlives_the_step_and_goes_after_a_few_full_collections_without_one()
    {
        using (NewDisposeScope())
            Keep(Enough, _narrow, 9);
        Collect(2);
        IsKept(Enough, _narrow, 9).Should().BeTrue();

        Keep(Enough, _narrow, 9);
        Collect(12);
        var before = Tensor.TotalCount;
        Drain();
        Tensor.TotalCount.Should().Be(before, "there was nothing left to free");

        Keep(Enough, _narrow, 9);
        IsKept(Enough, _narrow, 9).Should().BeTrue("it is kept again after that");
        Keep(Enough, _narrow, 9);
        Collect(12);
        before = Tensor.TotalCount;
        Drain();
        Tensor.TotalCount.Should().Be(before, "and watched again");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Collect(int times)
        {
            for (var i = 0; i < times; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }

    [Theory]
    [InlineData(511, 512, ScalarType.Float32, true)]
    [InlineData(512, 512, ScalarType.Float32, false)]
    [InlineData(255, 512, ScalarType.Float64, true)]
    [InlineData(256, 512, ScalarType.Float64, false)]
    public void A_small_matrix_of_one_tile_has_a_tensor_for_each(long rows, long columns, ScalarType dtype, bool own)
    {
        var plan = TilePlan.Of(rows, columns, dtype, CPU, new Tiling { Rows = rows, Columns = columns }, scratch: 1);
        var memory = new TileMemory(2, plan, dtype == ScalarType.Float64 ? _wide : _narrow);
        var whole = new PairBlock(0, rows, 0, columns);
        var (first, second) = (memory.Tile(0, whole), memory.Tile(1, whole));
        ReferenceEquals(first, memory.Tile(0, whole)).Should().Be(own);
        AreApart(first, second);

        // Parts of it, which have the memory's first numbers in a row.
        foreach (var part in new[] { new PairBlock(0, rows - 1, 0, columns), new PairBlock(0, rows, 0, columns - 1) })
        {
            var tile = memory.Tile(1, part);
            tile.shape.Should().Equal(part.Anchors, part.Candidates);
            tile.fill_(4);
            second.view(-1)[..(int)tile.numel()].eq(4).all().item<bool>().Should().BeTrue();
            first.eq(4).any().item<bool>().Should().BeFalse();
        }

        memory.Release();
        first.IsInvalid.Should().Be(own, "a view is its caller's");
    }

    [Fact]
    public void Tiles_of_a_larger_matrix_are_parts_of_one_memory_which_is_kept()
    {
        var plan = TilePlan.Of(1024, 512, ScalarType.Float32, CPU, new Tiling { Rows = 256, Columns = 512 }, scratch: 1);
        var memory = new TileMemory(3, plan, _narrow);
        Tensor[] tiles = [.. Enumerable.Range(0, 3).Select(i => memory.Tile(i, new PairBlock(0, 256, 0, 512)))];
        AreApart(tiles);
        foreach (var tile in tiles) tile.fill_(6);
        memory.Tile(2, new PairBlock(768, 2, 0, 3)).shape.Should().Equal(2, 3);
        memory.Holds(3, plan).Should().BeTrue();
        memory.Holds(4, plan).Should().BeFalse();
        memory.Holds(2, plan).Should().BeTrue();
        Holds(256, 513).Should().BeFalse();
        Holds(257, 512).Should().BeFalse();
        Holds(512, 256).Should().BeTrue("as many numbers");
        Holds(1, 600).Should().BeTrue();
        memory.Release();
        IsKept(3 * 256 * 512, _narrow, 6).Should().BeTrue();

        bool Holds(long rows, long columns)
            => memory.Holds(3, TilePlan.Of(2000, 2000, ScalarType.Float32, CPU, new Tiling { Rows = rows, Columns = columns }, scratch: 1));
    }

    /// <summary>Both directions keep all tiles; one direction goes by strips, which share what was allocated for the first.</summary>
    [Theory]
    [InlineData("symmetric", 4 + 2)]
    [InlineData("strips", 2 + 3)]
    [InlineData("no gradient", 2)]
    public void A_step_gives_its_tiles_back_for_the_next(string step, int tiles)
    {
        const int rows = 1024, edge = 512;
        var (a, b) = (rand(rows, 2).requires_grad_(step != "no gradient"), rand(rows, 2));
        using (NewDisposeScope())
        {
            using var loss = new InfoNCELoss(mode: step == "strips" ? ContrastMode.OneDirection : ContrastMode.Symmetric) { Tiling = new Tiling { Rows = edge, Columns = edge } };
            using var value = loss.forward(a, b);
        }

        SpareMemory.Rent(2 * Enough, _narrow).numel().Should().Be(tiles * edge * edge);
    }

    private static void AreApart(params Tensor[] tiles)
    {
        foreach (var (i, tile) in tiles.Index()) tile.fill_(i);
        foreach (var (i, tile) in tiles.Index()) tile.eq(i).all().item<bool>().Should().BeTrue();
    }
}
