using System.Collections.Immutable;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The classes of a training set, numbered from 0 in ascending order of their labels: any integers.</summary>
internal sealed class ClassLabels
{
    private readonly Dictionary<long, long> _numbers = [];

    private ClassLabels(long[] labels)
    {
        Labels = [.. labels.Distinct().Order()];
        for (int number = 0; number < Labels.Length; number++)
            _numbers[Labels[number]] = number;
        OfRow = Number(labels);
        RowsOfClass = new long[Labels.Length];
        foreach (long number in OfRow)
            RowsOfClass[number]++;
    }

    /// <summary>The label of each class, ascending.</summary>
    public long[] Labels { get; }

    /// <summary>The class of each training row.</summary>
    public long[] OfRow { get; }

    /// <summary>How many training rows each class has.</summary>
    public long[] RowsOfClass { get; }

    public int Count => Labels.Length;

    public static ClassLabels Of(Tensor labels) => new(Read(labels));

    /// <summary>The labels of a tensor of integers on any device.</summary>
    public static long[] Read(Tensor labels)
    {
        using var scope = NewDisposeScope();
        return labels.to_type(ScalarType.Int64).cpu().data<long>().ToArray();
    }

    /// <summary>The class of each label; -1 where no training row has it.</summary>
    public long[] Number(long[] labels) => [.. labels.Select(label => _numbers.GetValueOrDefault(label, -1))];
}

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
