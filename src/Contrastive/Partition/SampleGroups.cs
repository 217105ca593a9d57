using System.Runtime.InteropServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The rows of a batch grouped by the sample they are.</summary>
/// <param name="Samples">(g) int64, each sample of the batch once.</param>
/// <param name="GroupOfRow">(m) int64; null where every row is a sample of its own, in order.</param>
/// <param name="Rows">(g) int64, how many rows each sample has; null likewise.</param>
internal readonly record struct SampleGroups(Tensor Samples, Tensor? GroupOfRow, Tensor? Rows)
{
    public static SampleGroups Of(Tensor ids)
    {
        var (samples, groups, rows) = ids.unique(sorted: true, return_inverse: true, return_counts: true);
        return samples.shape[0] == ids.shape[0] ? EachItsOwn(ids) : new SampleGroups(samples, groups, rows);
    }

    /// <summary>Every row a sample of its own.</summary>
    public static SampleGroups EachItsOwn(Tensor ids) => new(ids, null, null);

    /// <summary>Whether a sample has several rows. Waits for the device.</summary>
    public static bool HasRepeats(Tensor ids)
    {
        using var scope = NewDisposeScope();
        if (ids.device.type != DeviceType.CPU) return Of(ids).GroupOfRow is not null;
        var seen = new HashSet<long>((int)ids.size(0));
        foreach (var id in Span(ids))
        {
            if (!seen.Add(id)) return true;
        }
        return false;
    }

    /// <summary>The least and the largest of some ids, of which there is one at least. Waits for the device.</summary>
    public static (long Low, long High) Range(Tensor ids)
    {
        using var scope = NewDisposeScope();
        if (ids.device.type != DeviceType.CPU) return (ids.min().to(ScalarType.Int64).item<long>(), ids.max().to(ScalarType.Int64).item<long>());
        var (low, high) = (long.MaxValue, long.MinValue);
        foreach (var id in Span(ids)) (low, high) = (Math.Min(low, id), Math.Max(high, id));
        return (low, high);
    }

    /// <summary>Ids on the CPU, as long as the dispose scope.</summary>
    private static ReadOnlySpan<long> Span(Tensor ids) => MemoryMarshal.Cast<byte, long>(ids.detach().To(ScalarType.Int64).contiguous().bytes);

    /// <summary>log of the mean of exp(values) over the rows of each sample: (m) to (g).</summary>
    public Tensor LogMean(Tensor values)
    {
        if (GroupOfRow is null || Rows is null) return values;

        // The largest value of each group: sorted by value and then, keeping that order, by group, it is the group's last.
        var byValue = values.argsort(0);
        var (_, byGroup) = GroupOfRow.index_select(0, byValue).sort(0, stable: true);
        var last = Rows.cumsum(0).sub(Scalars.OneIndex);
        var largest = values.index_select(0, byValue.index_select(0, byGroup)).index_select(0, last);

        var terms = values.sub(largest.index_select(0, GroupOfRow)).exp();
        var sums = zeros_like(largest).index_add_(0, GroupOfRow, terms, Scalars.One);
        return largest.Plus(sums.div(Rows.to(values.dtype)).log());
    }

    /// <summary>One value per sample to one per row: (g) to (m).</summary>
    public Tensor ToRows(Tensor values) => GroupOfRow is null ? values : values.index_select(0, GroupOfRow);
}
