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

    /// <param name="left">(N, D), prepared for ranking.</param>
    /// <param name="right">(M, D), prepared for ranking.</param>
    /// <param name="matches">What belongs together.</param>
    /// <param name="tile">The rows and columns scored at once.</param>
    public static (MatchCounts Forward, MatchCounts Backward) Count(
        Tensor left, Tensor right, Matches matches, (long Rows, long Columns) tile)
    {
        using var scope = NewDisposeScope();
        left = Ordered(left, matches.Left);
        right = Ordered(right, matches.Right);
        var (leftBest, rightBest) = MatchScores.Of(left, right, matches);
        var (leftAbove, leftAtLeast) = leftBest.Bounds(left);
        var (rightAbove, rightAtLeast) = rightBest.Bounds(right);

        var leftCounts = zeros(2, left.shape[0], dtype: ScalarType.Int64, device: left.device);
        var rightCounts = zeros(2, right.shape[0], dtype: ScalarType.Int64, device: left.device);
        foreach (var (row, rows) in Runs.Of(left.shape[0], tile.Rows))
        {
            foreach (var (column, columns) in Runs.Of(right.shape[0], tile.Columns))
            {
                using var tileScope = NewDisposeScope();
                var scores = left.narrow(0, row, rows).matmul(right.narrow(0, column, columns).t());   // (rows, columns)
                // No match stands above or beside the best one: what is counted are the others.
                var places = matches.InTile(row, rows, column, columns);
                if (places.Length > 0)
                    scores.view(-1).index_fill_(0, tensor(places).to(scores.device), Scalars.NegativeInfinity);

                var work = empty_like(scores);
                void Add(Tensor counts, long which, long start, long length, Tensor exceeded)
                    => counts[which].narrow(0, start, length).add_(exceeded.to_type(ScalarType.Int64), Scalars.OneIndex);
                // Ones and zeros in the scores' own type: comparing in place and summing floats is several times faster
                // than summing booleans, and exact, as no tile has 2^24 rows or columns.
                var leftFirst = leftAbove.narrow(0, row, rows).unsqueeze(1);
                var leftLast = leftAtLeast.narrow(0, row, rows).unsqueeze(1);
                Add(leftCounts, 0, row, rows, work.copy_(scores).gt_(leftFirst).sum(dim: 1));
                Add(leftCounts, 1, row, rows, work.copy_(scores).ge_(leftLast).sum(dim: 1));
                Add(rightCounts, 0, column, columns, work.copy_(scores).gt_(rightAbove.narrow(0, column, columns)).sum(dim: 0));
                Add(rightCounts, 1, column, columns, scores.ge_(rightAtLeast.narrow(0, column, columns)).sum(dim: 0));
            }
        }

        return (Counts(leftCounts, matches.Left, leftBest), Counts(rightCounts, matches.Right, rightBest));
    }

    private static Tensor Ordered(Tensor features, Matches.Side side)
        => side.Order is null ? features : features.index_select(0, tensor(side.Order).to(features.device));

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
