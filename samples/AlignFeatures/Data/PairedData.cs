using System.Runtime.InteropServices;
using System.Security.Cryptography;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>Two descriptions of the same items: row i of both, and label i if there are labels, is item i.</summary>
public sealed record PairedData(FeatureMatrix Left, FeatureMatrix Right, ClassLabels? Labels)
{
    public int Items => Left.Rows;

    /// <summary>Identifies the data whatever the files are called, so that a resumed run goes on with the same.</summary>
    public string Digest
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var matrix in new[] { Left, Right })
            {
                hash.AppendData(MemoryMarshal.AsBytes<int>([matrix.Rows, matrix.Columns]));
                hash.AppendData(MemoryMarshal.AsBytes<float>(matrix.Values));
            }

            hash.AppendData(MemoryMarshal.AsBytes<long>(Labels?.Ids ?? []));
            return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
        }
    }

    /// <exception cref="UserError">A file cannot be used, or the files have different numbers of items.</exception>
    public static PairedData Read(string left, string right, string? labels)
    {
        var first = FeatureFile.ReadFeatures(left);
        var data = new PairedData(first, FeatureFile.ReadFeatures(right), labels is null ? null : FeatureFile.ReadLabels(labels, first.Rows));
        if (data.Right.Rows != data.Left.Rows)
            throw new UserError($"{right}: has {data.Right.Rows} rows but {left} has {data.Left.Rows}");
        if (data.Labels is { } ids && ids.Ids.Length != data.Left.Rows)
            throw new UserError($"{labels}: has {ids.Ids.Length} labels but {left} has {data.Left.Rows} rows");
        return data;
    }
}

/// <summary>
/// The items of one run, shuffled by its seed (files may be sorted by class) and divided into what the towers are trained
/// on and what is held out.
/// </summary>
public sealed record Split(Pairs Train, Pairs Test) : IDisposable
{
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
