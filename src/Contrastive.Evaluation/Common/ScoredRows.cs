using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The rows of one side of a comparison, in two forms: prepared in the dtype that comparisons run in, which is fast; and, made
/// anew for each use, in float64 from the rows as given, for the scores that the first form leaves in doubt.
/// </summary>
internal sealed class ScoredRows
{
    private const long BlockElements = 1 << 21;

    /// <summary>Where more than one pair in so many is in doubt, a matrix product of the whole tile costs less.</summary>
    private const long Sparse = 16;

    private readonly Tensor _given;
    private readonly Tensor? _order;
    private readonly bool _normalize;
    private readonly double _scale;

    /// <param name="given">(N, D), any floating-point dtype; kept, not copied.</param>
    /// <param name="normalize">Rows at length 1; a zero row stays zero.</param>
    /// <param name="scale">What rows not normalised are multiplied by: a power of two, which rounds nothing.</param>
    /// <param name="order">The row to stand at each place, (N) int64; null where that is the place itself.</param>
    public ScoredRows(Tensor given, bool normalize, double scale = 1, Tensor? order = null)
    {
        (_given, _order, _normalize, _scale) = (given, order, normalize, scale);
        var rows = FeatureRows.Prepare(given, normalize);
        rows = scale == 1 ? rows : rows.Times(scale);
        Rows = order is null ? rows : rows.index_select(0, order);
        // A zero row among unit rows is compared as one of length 1: its ties are not to depend on the rounding of the others.
        Lengths = normalize ? ones(rows.shape[0], dtype: rows.dtype, device: rows.device) : FeatureRows.Lengths(Rows);
    }

    /// <summary>
    /// Rows for ranking, where only the order of scores counts: as the squares of very large features overflow and those of very
    /// small ones vanish, all are scaled by one power of two.
    /// </summary>
    public static ScoredRows ForRanking(Tensor given, bool normalize, Tensor? order = null)
        => new(given, normalize, normalize ? 1 : FeatureRows.PowerOfTwo(UnitRows.Widen(given)), order);

    /// <summary>(N, D): half precision in float32.</summary>
    public Tensor Rows { get; }

    /// <summary>The length of each row, (N): 1 for all where they are normalised.</summary>
    public Tensor Lengths { get; }

    /// <summary>N.</summary>
    public long Count => Rows.shape[0];

    /// <summary>Whether <see cref="Rows"/> are float64 already: there is nothing more exact.</summary>
    public bool AreExact => Rows.dtype == ScalarType.Float64;

    /// <summary>Some rows in float64.</summary>
    public Tensor Exact(Tensor places)
        => AreExact ? Rows.index_select(0, places) : Prepare(_given.index_select(0, _order is null ? places : _order.index_select(0, places)));

    /// <summary>Consecutive rows in float64.</summary>
    public Tensor Exact(long start, long length)
    {
        if (AreExact)
            return Rows.narrow(0, start, length);
        return Prepare(_order is null ? _given.narrow(0, start, length) : _given.index_select(0, _order.narrow(0, start, length)));
    }

    /// <summary>The scores of two runs of rows in float64, (rows, columns): dot products, or what <paramref name="distance"/> asks for.</summary>
    public static Tensor Tile(
        ScoredRows left, (long First, long Count) rows, ScoredRows right, (long First, long Count) columns, bool distance = false)
    {
        using var scope = NewDisposeScope();
        long size = Chunks.Size(null, left.Rows.shape[1], BlockElements);
        Tensor? scores = null;
        foreach (var (row, height) in Runs.Of(rows.Count, size))
        {
            using var block = NewDisposeScope();
            var a = left.Exact(rows.First + row, height);
            scores ??= empty(rows.Count, columns.Count, dtype: ScalarType.Float64, device: a.device).MoveToOuterDisposeScope();
            foreach (var (column, width) in Runs.Of(columns.Count, size))
            {
                using var inner = NewDisposeScope();
                var b = right.Exact(columns.First + column, width);
                scores.narrow(0, row, height).narrow(1, column, width).copy_(distance ? HalfSquaredDistances(a, b) : a.matmul(b.t()));
            }
        }

        return scores!.MoveToOuterDisposeScope();
    }

    /// <summary>The scores of some pairs in float64, (n).</summary>
    /// <param name="left">One side.</param>
    /// <param name="i">The pairs' places on that side, (n) int64.</param>
    /// <param name="right">The other side.</param>
    /// <param name="j">The pairs' places there.</param>
    /// <param name="distance">Half the squared distance, negative, instead of the dot product.</param>
    public static Tensor Pairs(ScoredRows left, Tensor i, ScoredRows right, Tensor j, bool distance = false)
    {
        using var scope = NewDisposeScope();
        List<Tensor> scores = [];
        foreach (var (first, count) in Runs.Of(i.shape[0], Chunks.Size(null, left.Rows.shape[1], BlockElements)))
        {
            using var block = NewDisposeScope();
            var (a, b) = (left.Exact(i.narrow(0, first, count)), right.Exact(j.narrow(0, first, count)));
            var score = distance ? (a - b).Square().sum(dim: 1).mul_(Scalars.Half).neg_() : (a * b).sum(dim: 1);
            scores.Add(score.MoveToOuterDisposeScope());
        }

        return cat(scores).MoveToOuterDisposeScope();
    }

    /// <summary>The scores of some pairs of a tile in float64, (n): as many ways as there are, the cheaper one.</summary>
    /// <param name="left">One side.</param>
    /// <param name="rows">The tile's rows.</param>
    /// <param name="right">The other side.</param>
    /// <param name="columns">The tile's columns.</param>
    /// <param name="i">The pairs' rows within the tile, (n) int64.</param>
    /// <param name="j">The pairs' columns within the tile.</param>
    /// <param name="distance">As in <see cref="Pairs"/>.</param>
    public static Tensor InTile(
        ScoredRows left,
        (long First, long Count) rows,
        ScoredRows right,
        (long First, long Count) columns,
        Tensor i,
        Tensor j,
        bool distance = false)
    {
        using var scope = NewDisposeScope();
        if (i.shape[0] * Sparse <= rows.Count * columns.Count)
            return Pairs(left, Shifted(i, rows.First), right, Shifted(j, columns.First), distance).MoveToOuterDisposeScope();
        var tile = Tile(left, rows, right, columns, distance);
        using var width = columns.Count.ToScalar();
        return tile.view(-1).index_select(0, i.mul(width).add_(j, Scalars.OneIndex).to(tile.device)).MoveToOuterDisposeScope();
    }

    /// <summary>-½ ‖a - b‖² of all pairs. From differences: a matrix product would lose the digits of rows far from the origin.</summary>
    public static Tensor HalfSquaredDistances(Tensor a, Tensor b)
        => cdist(a, b, 2, compute_mode.donot_use_mm_for_euclid_dist).Square().mul_(Scalars.Half).neg_();

    private static Tensor Shifted(Tensor places, long first)
    {
        using var start = first.ToScalar();
        return places.add(start, Scalars.OneIndex);
    }

    private Tensor Prepare(Tensor given)
    {
        var rows = FeatureRows.Exact(given);
        if (!_normalize)
            return _scale == 1 ? rows : rows.Times(_scale);
        // Squares of float32 neither overflow nor vanish in float64.
        var lengths = rows.Square().sum(dim: 1, keepdim: true).sqrt_();
        return rows.div(lengths.masked_fill_(lengths.eq(Scalars.Zero), Scalars.One));
    }
}
