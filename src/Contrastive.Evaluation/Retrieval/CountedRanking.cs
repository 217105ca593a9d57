using System.Numerics;
using System.Runtime.InteropServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Ranks where queries have few relevant candidates: nothing is sorted. Of each relevant one the candidates that score higher are counted,
/// tile by tile, for both directions from one product; memory is O(N + M), whatever N · M is.
/// </summary>
internal static class CountedRanking
{
    /// <summary>With more, sorting costs less.</summary>
    public const int Few = 32;

    /// <summary>Scores at once: a tile stays in a CPU's cache; other devices want more at a time.</summary>
    private const long CpuTile = 1 << 18;
    private const long DeviceTile = 1 << 24;

    /// <summary>Where more than one in so many is in doubt, a matrix product of the whole tile in float64 costs less.</summary>
    private const long Sparse = 16;

    /// <summary>The rows and columns of a tile.</summary>
    public static (long Rows, long Columns) Tile(long? chunkSize, Device device)
    {
        long elements = device.type == DeviceType.CPU ? CpuTile : DeviceTile;
        long rows = chunkSize ?? (long)Math.Sqrt(elements);
        return (rows, Math.Max(1, elements / rows));
    }

    /// <param name="scores">The scores of queries and candidates.</param>
    /// <param name="relevance">What is relevant.</param>
    /// <param name="ranking">Takes the queries in.</param>
    /// <param name="reverse">The same of the other direction, where it is asked for.</param>
    /// <param name="tile">The rows and columns scored at once.</param>
    public static void Run(
        RowScores scores, Relevance relevance, QueryRanking ranking, (Relevance Relevance, QueryRanking Ranking)? reverse, (long Rows, long Columns) tile)
    {
        if (scores.AreDouble)
            RunIn<double>(scores, relevance, ranking, reverse, tile);
        else
            RunIn<float>(scores, relevance, ranking, reverse, tile);
    }

    private static void RunIn<T>(
        RowScores scores, Relevance relevance, QueryRanking ranking, (Relevance Relevance, QueryRanking Ranking)? reverse, (long Rows, long Columns) tile)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var forward = new Thresholds<T>(scores, relevance);
        var backward = reverse is { } other ? new Thresholds<T>(scores.Transposed(), other.Relevance) : null;
        long width = Math.Min(tile.Columns, scores.Columns);
        var whole = scores.MakeTile(Math.Min(tile.Rows, scores.Rows), width);
        foreach (var rows in Runs.Of(scores.Rows, tile.Rows))
        {
            foreach (var columns in Runs.Of(scores.Columns, tile.Columns))
            {
                using var scope = NewDisposeScope();
                var memory = columns.Count == width ? whole : scores.MakeTile(rows.Count, columns.Count);
                var table = scores.Tile(rows, columns, memory).cpu();
                Mask<T>(table, relevance, rows, columns);
                var exact = new Lazy<double[]>(() => ScoredRows.Doubles(scores.ExactTile(rows, columns)));
                forward.AddRows(table, rows, columns, exact);
                backward?.AddColumns(table, rows, columns, exact);
            }
        }

        forward.Hand(ranking);
        if (reverse is { } to)
            backward!.Hand(to.Ranking);
    }

    /// <summary>Relevant ones stand to each other as their exact scores say: what is counted are the others.</summary>
    private static void Mask<T>(Tensor table, Relevance relevance, (long First, long Count) rows, (long First, long Count) columns)
        where T : unmanaged, INumber<T>
    {
        var values = MemoryMarshal.Cast<byte, T>(table.bytes);
        T never = T.CreateSaturating(double.NegativeInfinity);
        for (long row = 0; row < rows.Count; row++)
        {
            int[] relevant = relevance.Of(rows.First + row);
            int place = Array.BinarySearch(relevant, (int)columns.First);
            for (place = place < 0 ? ~place : place; place < relevant.Length && relevant[place] < columns.First + columns.Count; place++)
                values[(int)((row * columns.Count) + relevant[place] - columns.First)] = never;
        }
    }

    /// <summary>The exact score of each query's relevant candidates, the bounds of its doubt, and the counts so far.</summary>
    private sealed class Thresholds<T>
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        private readonly RowScores _scores;
        private readonly Relevance _relevance;
        private readonly int _levels;
        private readonly double[][] _exact;
        private readonly double[][] _slack;

        // Level by level, so that neighbouring queries lie side by side: beyond certain is above, below possible is below.
        private readonly T[][] _certain;
        private readonly T[][] _possible;
        private readonly int[][] _above;
        private readonly int[][] _atLeast;

        public Thresholds(RowScores scores, Relevance relevance)
        {
            (_scores, _relevance, _levels) = (scores, relevance, relevance.Most);
            int count = (int)scores.Rows;
            (_exact, _slack) = (new double[count][], new double[count][]);
            _certain = Levels(count, T.CreateSaturating(double.PositiveInfinity));
            _possible = Levels(count, T.CreateSaturating(double.PositiveInfinity));
            (_above, _atLeast) = (Levels(count, 0), Levels(count, 0));
            Chunks.Each(count, Prepare);
        }

        /// <summary>What a tile shows of queries that are its rows.</summary>
        public void AddRows(Tensor table, (long First, long Count) rows, (long First, long Count) columns, Lazy<double[]> exact)
        {
            int width = (int)columns.Count;
            Chunks.Each(rows.Count, row =>
            {
                int query = (int)rows.First + row;
                var values = MemoryMarshal.Cast<byte, T>(table.bytes).Slice(row * width, width);
                bool inDoubt = false;
                for (int level = 0; level < _exact[query].Length; level++)
                {
                    var (above, atLeast) = Count(values, _certain[level][query], _possible[level][query]);
                    _above[level][query] += above;
                    _atLeast[level][query] += above;
                    inDoubt |= atLeast > above;
                }

                if (inDoubt)
                    Resolve(query, values, 1, width, (int)columns.First, exact, row * width, 1);
            });
        }

        /// <summary>What a tile shows of queries that are its columns.</summary>
        public void AddColumns(Tensor table, (long First, long Count) rows, (long First, long Count) columns, Lazy<double[]> exact)
        {
            int width = (int)columns.Count, height = (int)rows.Count;
            const int Strip = 64;
            Chunks.Each((width + Strip - 1) / Strip, strip =>
            {
                int from = strip * Strip, length = Math.Min(Strip, width - from);
                Span<T> above = stackalloc T[Strip], atLeast = stackalloc T[Strip];
                var values = MemoryMarshal.Cast<byte, T>(table.bytes);
                Span<bool> inDoubt = stackalloc bool[Strip];
                for (int level = 0; level < _levels; level++)
                {
                    above.Clear();
                    atLeast.Clear();
                    var certain = _certain[level].AsSpan((int)columns.First + from, length);
                    var possible = _possible[level].AsSpan((int)columns.First + from, length);
                    for (int row = 0; row < height; row++)
                        Count(values.Slice((row * width) + from, length), certain, possible, above, atLeast);
                    for (int i = 0; i < length; i++)
                    {
                        int query = (int)columns.First + from + i, sure = int.CreateTruncating(above[i]);
                        _above[level][query] += sure;
                        _atLeast[level][query] += sure;
                        inDoubt[i] |= int.CreateTruncating(atLeast[i]) > sure;
                    }
                }

                for (int i = 0; i < length; i++)
                {
                    if (inDoubt[i])
                        Resolve((int)columns.First + from + i, values[(from + i)..], width, height, (int)rows.First, exact, from + i, width);
                }
            });
        }

        /// <summary>Gives what was counted to the measures.</summary>
        public void Hand(QueryRanking ranking) => Chunks.Each(_exact.Length, query =>
        {
            double[] exact = _exact[query], slack = _slack[query];
            if (exact.Length == 0)
                return;
            int[] order = [.. Enumerable.Range(0, exact.Length).OrderByDescending(level => exact[level])];
            Span<Stand> stands = stackalloc Stand[Few];
            for (int i = 0; i < order.Length; i++)
            {
                int own = order[i], relevantAbove = 0, relevantAtLeast = 0;
                for (int other = 0; other < exact.Length; other++)
                {
                    double margin = exact[other] - exact[own], tie = slack[other] + slack[own];
                    relevantAbove += margin > tie ? 1 : 0;
                    relevantAtLeast += margin >= -tie ? 1 : 0;
                }

                int above = _above[own][query] + relevantAbove, atLeast = _atLeast[own][query] + relevantAtLeast;
                stands[i] = new Stand(above, atLeast - above - 1, relevantAbove, relevantAtLeast - relevantAbove - 1, GradeOf(query, own));
            }

            ranking.Add(query, stands[..order.Length]);
        });

        private double GradeOf(int query, int level) => _relevance.Grade(query, level);

        private void Prepare(int query)
        {
            int[] relevant = _relevance.Of(query);
            if (_relevance.ExcludesSelf)
                relevant = [.. relevant.Where(place => place != query)];
            double[] exact = new double[relevant.Length];
            _scores.Exact(query, relevant, exact);
            (_exact[query], _slack[query]) = (exact, [.. relevant.Select((place, i) => _scores.Slack(query, place, exact[i]))]);
            for (int level = 0; level < exact.Length; level++)
            {
                double doubt = _scores.Doubt(query, exact[level]) + _slack[query][level] + _scores.WidestSlack(query, exact[level]);
                // Rounded away from the score.
                _certain[level][query] = T.CreateSaturating(exact[level] + (doubt * 1.01));
                _possible[level][query] = T.CreateSaturating(exact[level] - (doubt * 1.01));
            }
        }

        /// <summary>By exact scores: some scores of a query in a tile, of which those within the doubt of a relevant one are not counted yet.</summary>
        private void Resolve(
            int query, ReadOnlySpan<T> values, int stride, int count, int first, Lazy<double[]> dense, int denseStart, int denseStride)
        {
            int levels = _exact[query].Length;
            int doubtful = 0;
            int[] places = new int[count];
            for (int i = 0; i < count; i++)
            {
                T value = values[i * stride];
                for (int level = 0; level < levels; level++)
                {
                    if (value < _possible[level][query] || value > _certain[level][query])
                        continue;
                    places[doubtful++] = i;
                    break;
                }
            }

            double[] exact = new double[doubtful];
            if (doubtful * Sparse > count && doubtful > 4)
            {
                double[] all = dense.Value;
                for (int i = 0; i < doubtful; i++)
                    exact[i] = all[denseStart + (places[i] * denseStride)];
            }
            else
            {
                int[] columns = [.. places.Take(doubtful).Select(place => first + place)];
                _scores.Exact(query, columns, exact);
            }

            for (int i = 0; i < doubtful; i++)
            {
                T value = values[places[i] * stride];
                double slack = _scores.Slack(query, first + places[i], exact[i]);
                for (int level = 0; level < levels; level++)
                {
                    if (value < _possible[level][query] || value > _certain[level][query])
                        continue;
                    double margin = exact[i] - _exact[query][level], tie = slack + _slack[query][level];
                    _above[level][query] += margin > tie ? 1 : 0;
                    _atLeast[level][query] += margin >= -tie ? 1 : 0;
                }
            }
        }

        private TValue[][] Levels<TValue>(int count, TValue value)
        {
            var levels = new TValue[_levels][];
            for (int level = 0; level < _levels; level++)
            {
                levels[level] = new TValue[count];
                Array.Fill(levels[level], value);
            }

            return levels;
        }

        // Ones and zeros in the scores' own type: exact, as no tile has 2^24 rows or columns.
        private static (int Above, int AtLeast) Count(ReadOnlySpan<T> values, T certain, T possible)
        {
            Vector<T> high = new(certain), low = new(possible), above = default, atLeast = default;
            int i = 0;
            for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
            {
                var value = new Vector<T>(values[i..]);
                above += Vector.ConditionalSelect(Vector.GreaterThan(value, high), Vector<T>.One, Vector<T>.Zero);
                atLeast += Vector.ConditionalSelect(Vector.GreaterThanOrEqual(value, low), Vector<T>.One, Vector<T>.Zero);
            }

            int sure = int.CreateTruncating(Vector.Sum(above)), perhaps = int.CreateTruncating(Vector.Sum(atLeast));
            for (; i < values.Length; i++)
            {
                sure += values[i] > certain ? 1 : 0;
                perhaps += values[i] >= possible ? 1 : 0;
            }

            return (sure, perhaps);
        }

        private static void Count(ReadOnlySpan<T> values, ReadOnlySpan<T> certain, ReadOnlySpan<T> possible, Span<T> above, Span<T> atLeast)
        {
            int i = 0;
            for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
            {
                var value = new Vector<T>(values[i..]);
                (new Vector<T>(above[i..]) + Vector.ConditionalSelect(
                    Vector.GreaterThan(value, new Vector<T>(certain[i..])), Vector<T>.One, Vector<T>.Zero)).CopyTo(above[i..]);
                (new Vector<T>(atLeast[i..]) + Vector.ConditionalSelect(
                    Vector.GreaterThanOrEqual(value, new Vector<T>(possible[i..])), Vector<T>.One, Vector<T>.Zero)).CopyTo(atLeast[i..]);
            }

            for (; i < values.Length; i++)
            {
                above[i] += values[i] > certain[i] ? T.One : T.Zero;
                atLeast[i] += values[i] >= possible[i] ? T.One : T.Zero;
            }
        }
    }
}
