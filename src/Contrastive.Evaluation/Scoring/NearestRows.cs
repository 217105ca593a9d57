using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The rows nearest to each of some rows, with all that tie with the last of them, by exact scores.</summary>
/// <param name="scores">The scores.</param>
/// <param name="excludeSelf">Whether both sides are one set, and no row is its own neighbour.</param>
internal sealed class NearestRows(RowScores scores, bool excludeSelf = false)
{
    /// <summary>So many more than asked for are looked at, since the last may be in doubt.</summary>
    private const long Spare = 8;

    /// <summary>With so many times more rows it pays to look for a bound first.</summary>
    private const long Many = 32;

    /// <summary>Where more than one in so many is in doubt, a matrix product in float64 costs less than one by one.</summary>
    private const int Sparse = 16;

    /// <summary>The neighbours of a run of rows, descending.</summary>
    /// <param name="rows">The run.</param>
    /// <param name="count">How many each is to have at least; there are as many.</param>
    /// <param name="into">Memory for a tile of so many rows.</param>
    public Neighbors[] Of((long First, long Count) rows, long count, Tensor into)
    {
        using var scope = NewDisposeScope();
        var tile = scores.Tile(rows, (0, scores.Columns), into);
        if (excludeSelf)
            tile.diagonal(rows.First).fill_(Numerics.Scalars.NegativeInfinity);
        long listed = Math.Min(count + Spare, scores.Columns);
        var found = new Neighbors?[rows.Count];
        if (tile.device_type == DeviceType.CPU && scores.Columns >= Many * listed)
        {
            Chunks.Each(rows.Count, row => found[row] = scores.AreDouble
                ? Selected(rows.First + row, Row<double>(tile, row), (int)listed, (int)count)
                : Selected(rows.First + row, Row<float>(tile, row), (int)listed, (int)count));
        }
        else
        {
            var (best, places) = tile.topk((int)listed, 1, sorted: false);
            double[] values = ScoredRows.Doubles(best);
            long[] columns = places.cpu().data<long>().ToArray();
            Chunks.Each(rows.Count, row => found[row] = Listed(
                rows.First + row,
                values.AsSpan((int)(row * listed), (int)listed),
                [.. columns.AsSpan((int)(row * listed), (int)listed).ToArray().Select(column => (int)column)],
                (int)count));
        }

        for (int row = 0; row < found.Length; row++)
            found[row] ??= Searched(rows.First + row, ScoredRows.Doubles(tile.narrow(0, row, 1)), (int)count);
        return found!;
    }

    /// <summary>
    /// On the CPU, several times faster than a partial sort: the best are at least as high as the last of so many highest blocks, and few
    /// others are. Null where those are many, or one that is lower may belong there.
    /// </summary>
    private Neighbors? Selected<T>(long row, ReadOnlySpan<T> values, int listed, int count)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        int block = values.Length / (4 * listed), most = 8 * listed;
        int blocks = values.Length / block;
        Span<T> highest = blocks <= 1024 ? stackalloc T[blocks] : new T[blocks];
        for (int i = 0; i < highest.Length; i++)
            highest[i] = Highest(values.Slice(i * block, block));
        highest.Sort();
        T bound = highest[^listed];
        double[] found = new double[most];
        int[] places = new int[most];
        int size = 0;
        var bounds = new Vector<T>(bound);
        for (int start = 0; start < values.Length; start += Vector<T>.Count)
        {
            int end = Math.Min(values.Length, start + Vector<T>.Count);
            if (end - start == Vector<T>.Count && !Vector.GreaterThanOrEqualAny(new Vector<T>(values[start..]), bounds))
                continue;
            for (int i = start; i < end; i++)
            {
                if (values[i] < bound)
                    continue;
                if (size == most)
                    return null;
                (found[size], places[size++]) = (double.CreateTruncating(values[i]), i);
            }
        }

        return Listed(row, found.AsSpan(0, size), places.AsSpan(0, size), count);
    }

    private static T Highest<T>(ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        T highest = values[0];
        int i = 0;
        if (values.Length >= Vector<T>.Count)
        {
            var all = new Vector<T>(values);
            for (i = Vector<T>.Count; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
                all = Vector.Max(all, new Vector<T>(values[i..]));
            for (int lane = 0; lane < Vector<T>.Count; lane++)
                highest = T.Max(highest, all[lane]);
        }

        for (; i < values.Length; i++)
            highest = T.Max(highest, values[i]);
        return highest;
    }

    private static ReadOnlySpan<T> Row<T>(Tensor tile, int row)
        where T : unmanaged
    {
        int width = (int)tile.shape[1];
        return MemoryMarshal.Cast<byte, T>(tile.bytes).Slice(row * width, width);
    }

    /// <summary>From the best of the tile; null where one that is not listed may belong there.</summary>
    private Neighbors? Listed(long row, Span<double> values, Span<int> places, int count)
    {
        for (int i = 0; i < places.Length; i++)
            values[i] = -(values[i] + scores.Offset(row));
        values.Sort(places);
        int listed = places.Length;
        while (listed > 0 && double.IsPositiveInfinity(values[listed - 1]))
            listed--;
        bool areAll = places.Length == scores.Columns || listed < places.Length;
        double last = -values[Math.Min(count, listed) - 1], low = Low(row, last);
        if (!areAll && -values[listed - 1] >= low)
            return null;
        while (-values[listed - 1] < low)
            listed--;
        return Neighbors.Of(scores, row, places[..listed], count);
    }

    /// <summary>What computes to less than this is not among the nearest, whose last computes to so much, and does not tie with it.</summary>
    private double Low(long row, double last)
    {
        double least = last - scores.Doubt(row, last - (2 * scores.Doubt(row, last)));
        least -= 3 * scores.WidestSlack(row, least);
        return least - scores.Doubt(row, least);
    }

    /// <summary>From all of the tile that may belong there.</summary>
    private Neighbors Searched(long row, double[] values, int count)
    {
        // As computed, the count-th is no higher than this; what is exact may be lower by the doubt.
        double last = values.OrderDescending().ElementAt(Math.Min(count, values.Length) - 1);
        if (double.IsNegativeInfinity(last))
            last = values.Where(value => !double.IsNegativeInfinity(value)).Min();
        double bound = Low(row, last + scores.Offset(row)) - scores.Offset(row);
        int[] places = [.. Enumerable.Range(0, values.Length).Where(column => values[column] >= bound && !double.IsNegativeInfinity(values[column]))];
        if (places.Length * Sparse < values.Length)
            return Neighbors.Of(scores, row, places, count);
        using var scope = NewDisposeScope();
        double[] exact = ScoredRows.Doubles(scores.ExactTile((row, 1), (0, scores.Columns)));
        return Neighbors.Of(scores, row, places, count, exact);
    }
}

/// <summary>One row's neighbours: those asked for and all that tie with the last of them, descending by exact score.</summary>
internal sealed class Neighbors
{
    private Neighbors(double[] scores, int[] rows, double[] slack, int count)
        => (Scores, Rows, Slack, Asked) = (scores, rows, slack, count);

    public double[] Scores { get; }

    public int[] Rows { get; }

    /// <summary>Of each, its half of how far two tied scores may lie apart.</summary>
    public double[] Slack { get; }

    /// <summary>How many were asked for; where there are fewer, all there are.</summary>
    public int Asked { get; }

    /// <summary>Each of the k nearest with its seat among them: 1, or the chance of it where more tie for the last ones.</summary>
    public void Share(int k, Action<int, double> take)
    {
        k = Math.Min(k, Asked);
        double last = Scores[k - 1], slack = Slack[k - 1];
        bool IsAbove(int i) => Scores[i] - Slack[i] > last + slack;
        bool IsTied(int i) => !IsAbove(i) && Scores[i] + Slack[i] >= last - slack;
        int above = 0, tied = 0;
        for (int i = 0; i < Scores.Length; i++)
        {
            above += IsAbove(i) ? 1 : 0;
            tied += IsTied(i) ? 1 : 0;
        }

        for (int i = 0; i < Scores.Length; i++)
        {
            if (IsAbove(i) || IsTied(i))
                take(Rows[i], IsAbove(i) ? 1 : (k - above) / (double)tied);
        }
    }

    /// <param name="scores">The scores.</param>
    /// <param name="row">Whose neighbours.</param>
    /// <param name="places">The rows that may be among them; put in order.</param>
    /// <param name="count">How many are asked for.</param>
    /// <param name="all">The exact scores of all rows, where they are known.</param>
    public static Neighbors Of(RowScores scores, long row, Span<int> places, int count, double[]? all = null)
    {
        double[] exact = new double[places.Length];
        if (all is null)
        {
            scores.Exact(row, places, exact);
        }
        else
        {
            for (int i = 0; i < exact.Length; i++)
                exact[i] = all[places[i]];
        }

        // Descending.
        for (int i = 0; i < exact.Length; i++)
            exact[i] = -exact[i];
        exact.AsSpan().Sort(places);
        double[] slack = new double[exact.Length];
        for (int i = 0; i < exact.Length; i++)
        {
            exact[i] = -exact[i];
            slack[i] = scores.Slack(row, places[i], exact[i]);
        }

        count = Math.Min(count, exact.Length);
        double least = count == 0 ? 0 : exact[count - 1] - slack[count - 1];
        int kept = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            if (i < count || exact[i] + slack[i] >= least)
                (exact[kept], places[kept], slack[kept++]) = (exact[i], places[i], slack[i]);
        }

        return new Neighbors(exact[..kept], places[..kept].ToArray(), slack[..kept], count);
    }
}
