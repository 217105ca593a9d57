using System.Runtime.InteropServices;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Ranks where queries have many relevant candidates, as by label: all scores of a query in float64, since nearly all would be in doubt in
/// float32, sorted by radix.
/// </summary>
internal sealed class SortedRanking(RowScores scores, Relevance relevance, QueryRanking ranking)
{
    /// <summary>Scores at once, 8 bytes each.</summary>
    private const long TileElements = 1 << 23;

    public void Run(long? chunkSize)
    {
        foreach (var rows in Runs.Of(scores.Rows, Math.Min(chunkSize ?? long.MaxValue, Chunks.Size(null, scores.Columns, TileElements))))
        {
            using var scope = NewDisposeScope();
            var table = scores.ExactTile(rows, (0, scores.Columns));
            int width = (int)scores.Columns;
            using var buffers = new ThreadLocal<Buffers>(() => new Buffers(width));
            Chunks.Each(rows.Count, row =>
            {
                if (relevance.Count(rows.First + row) > 0)
                    Rank((int)rows.First + row, MemoryMarshal.Cast<byte, double>(table.bytes).Slice(row * width, width), buffers.Value!);
            });
        }
    }

    private void Rank(int query, ReadOnlySpan<double> values, Buffers buffers)
    {
        int[] relevant = relevance.Of(query);
        int count = relevance.Count(query);
        // All in terms of the least and the most that each score may be: those above a relevant one, whose least is more than the most it
        // may be, and those above or beside it, whose most is at least its least.
        double[] least = new double[count], most = new double[count];
        int[] places = new int[count];
        for (int i = 0, at = 0; i < relevant.Length; i++)
        {
            if (relevance.ExcludesSelf && relevant[i] == query)
                continue;
            double value = values[relevant[i]], slack = scores.Slack(query, relevant[i], value);
            (least[at], most[at], places[at]) = (value - slack, value + slack, i);
            at++;
        }

        double[] leastOfAll = buffers.Sorted(values, query, relevance.ExcludesSelf, column => -scores.Slack(query, column, 0), scores.SameSlack, first: true);
        double[] mostOfAll = scores.SameSlack
            ? leastOfAll
            : buffers.Sorted(values, query, relevance.ExcludesSelf, column => scores.Slack(query, column, 0), same: false, first: false);
        int all = relevance.ExcludesSelf ? values.Length - 1 : values.Length;
        int start = values.Length - all;
        double both = scores.SameSlack ? 2 * scores.Slack(query, 0, 0) : 0;

        int[] byMost = Order(most), byLeast = scores.SameSlack ? byMost : Order(least);
        double[] mostAscending = [.. byMost.Select(i => most[i])], leastAscending = [.. byLeast.Select(i => least[i])];
        int[] above = new int[count], atLeast = new int[count], relevantAbove = new int[count], relevantAtLeast = new int[count];
        Count(leastOfAll.AsSpan(start, all), mostAscending, byMost, above, orEqual: false);
        Count(leastAscending, mostAscending, byMost, relevantAbove, orEqual: false);
        // Where all slacks are the same, one sorted list serves both.
        Count(mostOfAll.AsSpan(start, all), leastAscending, byLeast, atLeast, orEqual: true, shift: both);
        Count(mostAscending, leastAscending, byLeast, relevantAtLeast, orEqual: true);

        var stands = new Stand[count];
        for (int i = 0; i < count; i++)
        {
            int p = byMost[count - 1 - i];
            stands[i] = new Stand(
                above[p], atLeast[p] - above[p] - 1, relevantAbove[p], relevantAtLeast[p] - relevantAbove[p] - 1, relevance.Grade(query, places[p]));
        }

        // By the score itself, of which most and least are the ends.
        int best = 0;
        for (int i = 1; i < count; i++)
        {
            int p = byMost[count - 1 - i], b = byMost[count - 1 - best];
            if (least[p] + most[p] > least[b] + most[b])
                best = i;
        }

        (stands[0], stands[best]) = (stands[best], stands[0]);
        ranking.Add(query, stands);
    }

    private static int[] Order(double[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort((double[])values.Clone(), order);
        return order;
    }

    /// <summary>How many values (and a shift) exceed each threshold, or are equal to it; both ascending.</summary>
    private static void Count(ReadOnlySpan<double> values, double[] thresholds, int[] order, int[] counts, bool orEqual, double shift = 0)
    {
        int next = 0;
        for (int i = 0; i < thresholds.Length; i++)
        {
            while (next < values.Length && (orEqual ? values[next] + shift < thresholds[i] : values[next] <= thresholds[i]))
                next++;
            counts[order[i]] = values.Length - next;
        }
    }

    /// <summary>What one thread sorts in.</summary>
    private sealed class Buffers(int length)
    {
        private const int Bits = 11;
        private const int Passes = 6;
        private const int Radix = 1 << Bits;

        private readonly double[][] _sorted = [new double[length], new double[length]];
        private readonly int[] _counts = new int[Passes * Radix];
        private ulong[] _keys = new ulong[length];
        private ulong[] _other = new ulong[length];

        /// <summary>All values with what is to be added to each, ascending; the query itself, if it is no candidate, at -∞.</summary>
        public double[] Sorted(ReadOnlySpan<double> values, int query, bool excludeSelf, Func<int, double> added, bool same, bool first)
        {
            double constant = same ? added(0) : 0;
            for (int i = 0; i < length; i++)
            {
                double value = excludeSelf && i == query ? double.NegativeInfinity : values[i] + (same ? constant : added(i));
                long bits = BitConverter.DoubleToInt64Bits(value);
                // Of negative numbers all bits turn, of others the sign: then keys are in the order of the numbers.
                _keys[i] = (ulong)(bits ^ ((bits >> 63) | long.MinValue));
            }

            Sort();
            double[] sorted = _sorted[first ? 0 : 1];
            for (int i = 0; i < length; i++)
            {
                long key = (long)_keys[i];
                sorted[i] = BitConverter.Int64BitsToDouble(key < 0 ? key ^ long.MinValue : ~key);
            }

            return sorted;
        }

        /// <summary>Eleven bits at a time, the lowest first (D. Knuth, The Art of Computer Programming 3, §5.2.5).</summary>
        private void Sort()
        {
            Array.Clear(_counts);
            foreach (ulong key in _keys)
            {
                for (int pass = 0; pass < Passes; pass++)
                    _counts[(pass * Radix) + (int)((key >> (pass * Bits)) & (Radix - 1))]++;
            }

            for (int pass = 0; pass < Passes; pass++)
            {
                var counts = _counts.AsSpan(pass * Radix, Radix);
                int start = 0;
                foreach (ref int count in counts)
                    (start, count) = (start + count, start);
                int shift = pass * Bits;
                foreach (ulong key in _keys)
                    _other[counts[(int)((key >> shift) & (Radix - 1))]++] = key;
                (_keys, _other) = (_other, _keys);
            }
        }
    }
}
