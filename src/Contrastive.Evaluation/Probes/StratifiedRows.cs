using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Random choices of rows that respect the classes. All follow one random order of the rows: the first of each class in that
/// order are the ones chosen.
/// </summary>
internal static class StratifiedRows
{
    /// <summary>Rows to fit to, and the rows to validate on.</summary>
    internal sealed record Split(long[] Fit, long[] Validation);

    public static long[] Shuffled(long rows, Generator? generator)
    {
        using var scope = NewDisposeScope();
        return randperm(rows, ScalarType.Int64, generator?.device ?? CPU, generator: generator).cpu().data<long>().ToArray();
    }

    /// <summary>The first <paramref name="count"/> rows of each class, in the given order.</summary>
    public static long[] Take(long[] order, ClassLabels labels, long count)
    {
        var (position, _) = Places(order, labels);
        return [.. order.Where(row => position[row] < count)];
    }

    /// <summary>
    /// A share of each class's rows for validation, rounded, at least one of them; classes of a single row have none there.
    /// </summary>
    /// <returns>One split, or none where every class has a single row.</returns>
    public static Split[] HoldOut(long[] order, ClassLabels labels, double share)
    {
        var (position, count) = Places(order, labels);
        return Splits(order, 1, row =>
        {
            long rows = count[labels.OfRow[row]];
            long held = rows == 1 ? 0 : Math.Clamp((long)Math.Round(share * rows), 1, rows - 1);
            return position[row] < held ? 0 : -1;
        });
    }

    /// <summary>
    /// Each class's rows dealt to the folds in turn; each fold is validated on once. With as many folds as rows per class,
    /// one row of each class is left out at a time. Classes of a single row are always fitted to.
    /// </summary>
    /// <returns>A split per fold that has rows: none where every class has a single row.</returns>
    public static Split[] Folds(long[] order, ClassLabels labels, int folds)
    {
        var (position, count) = Places(order, labels);
        return Splits(order, folds, row => count[labels.OfRow[row]] == 1 ? -1 : position[row] % folds);
    }

    private static Split[] Splits(long[] order, int folds, Func<long, long> foldOf)
        => [.. Enumerable.Range(0, folds)
            .Select(fold => new Split(
                [.. order.Where(row => foldOf(row) != fold)], [.. order.Where(row => foldOf(row) == fold)]))
            .Where(split => split.Validation.Length > 0)];

    /// <summary>The place of each row among those of its class, in the order; and how many of each class are in it.</summary>
    private static (long[] Position, long[] Count) Places(long[] order, ClassLabels labels)
    {
        long[] count = new long[labels.Count], position = new long[labels.OfRow.Length];
        foreach (long row in order)
            position[row] = count[labels.OfRow[row]]++;
        return (position, count);
    }
}
