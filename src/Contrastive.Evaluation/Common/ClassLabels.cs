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
