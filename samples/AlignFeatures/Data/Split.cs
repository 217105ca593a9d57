using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Data;

/// <summary>
/// The items of one run, shuffled by its seed (files may be sorted by class) and divided into what the towers are trained
/// on and what is held out.
/// </summary>
public sealed class Split : IDisposable
{
    private Split(Pairs train, Pairs test)
    {
        Train = train;
        Test = test;
    }

    public Pairs Train { get; }

    public Pairs Test { get; }

    /// <summary>How many items are held out.</summary>
    public static int TestItems(int items, double testFraction) => (int)Math.Round(items * testFraction, MidpointRounding.AwayFromZero);

    public static Split Of(PairedData data, double testFraction, Generator random, Device device)
    {
        using var scope = NewDisposeScope();
        var order = randperm(data.Items, generator: random);
        var test = TestItems(data.Items, testFraction);
        var left = tensor(data.Left.Values, [data.Items, data.Left.Columns]);
        var right = tensor(data.Right.Values, [data.Items, data.Right.Columns]);
        var labels = data.Labels is { } classes ? tensor(classes.Ids) : null;
        return new Split(Rows(order[TensorIndex.Slice(test)]), Rows(order[TensorIndex.Slice(0, test)]));

        Pairs Rows(Tensor rows) => new(Take(left, rows), Take(right, rows), labels is null ? null : Take(labels, rows));

        Tensor Take(Tensor values, Tensor rows) => values.index_select(0, rows).to(device).DetachFromDisposeScope();
    }

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}

/// <summary>Items as tensors: features (N, D) of both sides, and class ids (N) if there are labels.</summary>
public sealed record Pairs(Tensor Left, Tensor Right, Tensor? Labels) : IDisposable
{
    public long Items => Left.shape[0];

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        Labels?.Dispose();
    }
}
