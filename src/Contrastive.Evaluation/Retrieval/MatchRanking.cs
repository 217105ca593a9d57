using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>Counts the candidates that score as high as each query's best match, tile by tile, in both directions at once.</summary>
internal static class MatchRanking
{
    /// <summary>Scores at once: a tile and its working copy stay in a CPU's cache; other devices want more at a time.</summary>
    private const long CpuTile = 1 << 18;
    private const long DeviceTile = 1 << 24;

    /// <summary>The rows and columns of a tile.</summary>
    public static (long Rows, long Columns) Tile(long? chunkSize, Device device)
    {
        long elements = device.type == DeviceType.CPU ? CpuTile : DeviceTile;
        long rows = chunkSize ?? (long)Math.Sqrt(elements);
        return (rows, Math.Max(1, elements / rows));
    }

    /// <param name="left">(N, D), as given; any floating-point dtype.</param>
    /// <param name="right">(M, D), likewise.</param>
    /// <param name="normalize">Whether scores are cosines.</param>
    /// <param name="matches">What belongs together.</param>
    /// <param name="tile">The rows and columns scored at once.</param>
    public static (MatchCounts Forward, MatchCounts Backward) Count(
        Tensor left, Tensor right, bool normalize, Matches matches, (long Rows, long Columns) tile)
    {
        using var scope = NewDisposeScope();
        var first = ScoredRows.ForRanking(left, normalize, Order(matches.Left, left.device));
        var second = ScoredRows.ForRanking(right, normalize, Order(matches.Right, right.device));
        var (firstBest, secondBest) = MatchScores.Of(first, second, matches);
        var firstCounts = zeros(2, first.Count, dtype: ScalarType.Int64, device: left.device);
        var secondCounts = zeros(2, second.Count, dtype: ScalarType.Int64, device: left.device);
        foreach (var rows in Runs.Of(first.Count, tile.Rows))
        {
            foreach (var columns in Runs.Of(second.Count, tile.Columns))
            {
                using var tileScope = NewDisposeScope();
                var scores = first.Rows.narrow(0, rows.First, rows.Count)
                    .matmul(second.Rows.narrow(0, columns.First, columns.Count).t());                    // (rows, columns)
                // No match stands above or beside the best one: what is counted are the others.
                var places = matches.InTile(rows.First, rows.Count, columns.First, columns.Count);
                if (places.Length > 0)
                    scores.view(-1).index_fill_(0, tensor(places).to(scores.device), Scalars.NegativeInfinity);
                AddTile(firstCounts, firstBest, first, rows, second, columns, scores);
                AddTile(secondCounts, secondBest, second, columns, first, rows, scores.t());
            }
        }

        return (Counts(firstCounts, matches.Left, firstBest), Counts(secondCounts, matches.Right, secondBest));
    }

    /// <summary>Adds what a tile shows of some queries: how many candidates are above the best match, and how many at least tie.</summary>
    private static void AddTile(
        Tensor counts,
        MatchScores best,
        ScoredRows queries,
        (long First, long Count) rows,
        ScoredRows candidates,
        (long First, long Count) columns,
        Tensor scores)
    {
        using var scope = NewDisposeScope();
        var lengths = candidates.Lengths.narrow(0, columns.First, columns.Count);
        var (certain, possible) = best.Bounds(rows, lengths.max());
        // Ones and zeros in the scores' own type: comparing in place and summing floats is several times faster than summing
        // booleans, and exact, as no tile has 2^24 rows or columns.
        var work = empty_like(scores);
        var above = work.copy_(scores).gt_(certain).sum(dim: 1).to_type(ScalarType.Int64);
        var inDoubt = work.copy_(scores).ge_(possible).sum(dim: 1).to_type(ScalarType.Int64) - above;
        var target = counts.narrow(1, rows.First, rows.Count);
        target.add_(above, Scalars.OneIndex);
        if (inDoubt.SumAll().item<long>() == 0)
            return;

        var pairs = scores.ge(possible).logical_and_(scores.le(certain)).nonzero();                       // (n, 2)
        var (i, j) = (pairs.select(1, 0).contiguous(), pairs.select(1, 1).contiguous());
        var exact = queries.AreExact
            ? scores.index([TensorIndex.Tensor(i), TensorIndex.Tensor(j)])
            : ScoredRows.InTile(queries, rows, candidates, columns, i, j);
        using var first = rows.First.ToScalar();
        var (isAbove, isAtLeast) = best.Stand(
            exact, i.add(first, Scalars.OneIndex).to(exact.device), FeatureRows.Exact(lengths.index_select(0, j)));
        target[0].index_add_(0, i, isAbove.to_type(ScalarType.Int64).to(i.device), Scalars.OneIndex);
        target[1].index_add_(0, i, isAtLeast.to_type(ScalarType.Int64).to(i.device), Scalars.OneIndex);
    }

    private static Tensor? Order(Matches.Side side, Device device)
        => side.Order is null ? null : tensor(side.Order).to(device);

    /// <summary>In the order of the features, without the queries that have no match.</summary>
    private static MatchCounts Counts(Tensor counts, Matches.Side side, MatchScores best)
    {
        long[] above = counts[0].cpu().data<long>().ToArray(), atLeast = counts[1].cpu().data<long>().ToArray();
        long[] places = side.Order is null ? [] : new long[side.Rows];
        for (long place = 0; place < places.Length; place++)
            places[side.Order![place]] = place;
        var answered = Enumerable.Range(0, above.Length)
            .Select(row => places.Length == 0 ? row : places[row])
            .Where(place => best.Ties[place] > 0)
            .Select(place => new MatchCount(above[place], atLeast[place] - above[place], best.Ties[place]));
        return new MatchCounts(answered);
    }
}
