namespace Contrastive.Evaluation;

/// <summary>
/// Which rows of two sides belong together. Both sides are put in an order in which the matches of every row are consecutive
/// rows of the other side, and come later for later rows.
/// </summary>
internal sealed class Matches
{
    private Matches(Side left, Side right)
    {
        Left = left;
        Right = right;
    }

    public Side Left { get; }

    public Side Right { get; }

    /// <summary>How many pairs of a left row and a match there are.</summary>
    public long Pairs => Left.First.Zip(Left.End, (first, end) => end - first).Sum();

    /// <summary>Row i of one side belongs to row i of the other.</summary>
    public static Matches OneToOne(long rows)
    {
        long[] first = [.. Enumerable.Range(0, (int)rows).Select(row => (long)row)], end = [.. first.Select(row => row + 1)];
        var side = new Side(null, first, end);
        return new Matches(side, side);
    }

    /// <summary>Rows with the same id belong together.</summary>
    public static Matches Of(long[] leftIds, long[] rightIds)
    {
        long[] leftOrder = Order(leftIds), rightOrder = Order(rightIds);
        long[] left = [.. leftOrder.Select(row => leftIds[row])], right = [.. rightOrder.Select(row => rightIds[row])];
        return new Matches(Among(leftOrder, left, right), Among(rightOrder, right, left));
    }

    /// <summary>Every pair of a left row and a match of it, in pieces of at most so many pairs.</summary>
    public IEnumerable<(long[] Left, long[] Right)> InBlocks(long size)
    {
        List<long> left = [], right = [];
        for (long row = 0; row < Left.Rows; row++)
        {
            for (long match = Left.First[row]; match < Left.End[row]; match++)
            {
                left.Add(row);
                right.Add(match);
                if (left.Count < size)
                    continue;
                yield return ([.. left], [.. right]);
                left.Clear();
                right.Clear();
            }
        }

        if (left.Count > 0)
            yield return ([.. left], [.. right]);
    }

    /// <summary>Where the matches lie in a tile, read row by row.</summary>
    public long[] InTile(long row, long rows, long column, long columns)
    {
        if (Left.End[row + rows - 1] <= column || Left.First[row] >= column + columns)
            return [];
        List<long> places = [];
        for (long i = 0; i < rows; i++)
        {
            long end = Math.Min(Left.End[row + i], column + columns);
            for (long match = Math.Max(Left.First[row + i], column); match < end; match++)
                places.Add((i * columns) + match - column);
        }

        return [.. places];
    }

    private static long[] Order(long[] ids)
        => [.. Enumerable.Range(0, ids.Length).OrderBy(row => ids[row]).Select(row => (long)row)];

    /// <summary>The matches of ascending ids among other ascending ids.</summary>
    private static Side Among(long[] order, long[] ids, long[] others)
    {
        long[] first = new long[ids.Length], end = new long[ids.Length];
        long low = 0, high = 0;
        for (int row = 0; row < ids.Length; row++)
        {
            while (low < others.Length && others[low] < ids[row])
                low++;
            high = Math.Max(low, high);
            while (high < others.Length && others[high] == ids[row])
                high++;
            (first[row], end[row]) = (low, high);
        }

        return new Side(order, first, end);
    }

    /// <summary>One side's rows, in the order in which matches are consecutive.</summary>
    /// <param name="Order">The row of the features at each place; null where that is the place itself.</param>
    /// <param name="First">The place, on the other side, of the first match of each row.</param>
    /// <param name="End">The place after its last match; the first where it has none.</param>
    internal sealed record Side(long[]? Order, long[] First, long[] End)
    {
        public long Rows => First.Length;

        /// <summary>Whether some row has more than one match.</summary>
        public bool HasSeveral => First.Zip(End, (first, end) => end - first).Any(count => count > 1);
    }
}
