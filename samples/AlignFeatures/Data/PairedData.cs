using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Contrastive.Samples.AlignFeatures.Data;

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
