using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>Accuracy over all rows, and over classes.</summary>
internal static class ClassAccuracy
{
    /// <param name="hits">How right each row is, from 0 to 1.</param>
    /// <param name="labels">The label of each row.</param>
    /// <returns>The mean over the rows, and the mean over the labels of the mean over their rows.</returns>
    public static (double Accuracy, double Balanced) Of(IEnumerable<double> hits, long[] labels)
    {
        double sum = 0;
        var classes = new Dictionary<long, (double Hits, long Rows)>();
        foreach (var (hit, label) in hits.Zip(labels))
        {
            sum += hit;
            var (earlier, rows) = classes.GetValueOrDefault(label);
            classes[label] = (earlier + hit, rows + 1);
        }

        return (sum / labels.Length, classes.Values.Average(entry => entry.Hits / entry.Rows));
    }

    /// <summary>The mean over the rows of each class from 0 to <paramref name="classes"/> - 1; NaN where it has none.</summary>
    public static ImmutableArray<double> ByClass(IEnumerable<double> hits, long[] labels, long classes)
    {
        double[] sums = new double[classes], rows = new double[classes];
        foreach (var (hit, label) in hits.Zip(labels))
        {
            sums[label] += hit;
            rows[label]++;
        }

        return [.. sums.Zip(rows, (sum, count) => sum / count)];
    }
}
