using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// Any loss of a batch that lies on several ranks: each rank gets all rows and works the whole loss out, with a graph to its own. Exact, whatever
/// the loss, but the work on the loss is not divided. For losses of two modalities and of one's own; contrastive losses have
/// <see cref="DistributedLoss"/>.
/// </summary>
/// <example>
/// <code>
/// var share = WholeBatch.Evaluate(communicator, [images, texts, newImages, newTexts], all =&gt; structure.forward(
///     new ModalityFeatures(all[0], all[2]), new ModalityFeatures(all[1], all[3])));
/// share.Loss.backward();
/// gradients.Sum();
/// </code>
/// </example>
public static class WholeBatch
{
    /// <summary>This rank's share of the loss; all ranks call it.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="rows">(n, …) each, this rank's rows; of the same widths and dtypes on all ranks.</param>
    /// <param name="loss">
    /// From the rows of all ranks, (N, …) each, those of rank 0 first, to a scalar. Ranks must come to the same value: what it draws has a generator of the
    /// same seed on each, and state (a table, a memory) starts alike and so stays alike.
    /// </param>
    /// <returns>
    /// The share, whose gradients, summed over the ranks, are those of the whole loss: of features and of what the loss itself learns. The objective is
    /// the loss.
    /// </returns>
    /// <exception cref="ArgumentException">There are no rows, or the loss is no scalar.</exception>
    /// <exception cref="InvalidOperationException">The ranks' rows do not fit together, or they came to different values.</exception>
    public static DistributedResult Evaluate(Communicator communicator, IReadOnlyList<Tensor> rows, Func<IReadOnlyList<Tensor>, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(loss);
        if (rows.Count == 0 || rows.Contains(null!)) throw new ArgumentException("rows must be one tensor or more, none of them null", nameof(rows));
        using var scope = NewDisposeScope();
        var value = loss([.. rows.Select(own => All(communicator, own))]);
        if (value is null || value.numel() != 1)
            throw new ArgumentException($"the loss must be a scalar but {(value is null ? "is null" : $"has the shape {Guard.Shape(value)}")}", nameof(loss));
        var number = OfRank0(communicator, value.detach().to(ScalarType.Float64).item<double>());
        return new DistributedResult(value.reshape([]).Times(1.0 / communicator.Size).MoveToOuterDisposeScope(), number, number, 0);
    }

    /// <summary>
    /// The rows of all ranks. Its own have a graph, along which a gradient is K times itself: the share is 1/K of the loss, so features get their whole
    /// gradient, which no other rank has, and what the loss learns gets 1/K of it, which every rank has.
    /// </summary>
    private static Tensor All(Communicator communicator, Tensor own)
    {
        if (communicator.Size == 1) return own;
        var counts = communicator.Meet(own.dim() == 0 ? 0 : own.shape[0]);
        var all = communicator.AllGatherRows(own);
        if (!own.requires_grad || !is_grad_enabled()) return all;
        var first = counts.Take(communicator.Rank).Sum(rank => rank[0]);
        var last = first + own.shape[0];
        var graph = own.detach().Plus(own.sub(own.detach()).Times(communicator.Size));
        return cat([all.narrow(0, 0, first), graph, all.narrow(0, last, all.shape[0] - last)]);
    }

    /// <summary>The value that rank 0 came to, the same bits on all ranks. Refuses values that are not the same but for rounding.</summary>
    private static double OfRank0(Communicator communicator, double own)
    {
        double[] values = [.. communicator.Meet(BitConverter.DoubleToInt64Bits(own)).Select(rank => BitConverter.Int64BitsToDouble(rank[0]))];
        for (var rank = 1; rank < values.Length; rank++)
        {
            // Other processors may round otherwise.
            if (values[rank].Equals(values[0]) || Math.Abs(values[rank] - values[0]) <= 1e-5 * (1 + Math.Abs(values[0]))) continue;
            throw new InvalidOperationException(
                $"the loss of the whole batch is {values[0]:g9} on rank 0 but {values[rank]:g9} on rank {rank}: ranks need the same weights and state, and "
                + "generators of the same seed for what the loss draws");
        }
        return values[0];
    }
}
