using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>How the rows of a batch meet that lie on several ranks. K ranks with b rows each of D features.</summary>
public enum Exchange
{
    /// <summary>
    /// Each rank has all candidates: exact. A rank sends 2 (K-1) b D numbers per step and holds K b D. For up to some 64 ranks.
    /// </summary>
    Gather,

    /// <summary>
    /// The candidates go round the ranks twice: exact. A rank sends 3 (K-1) b D numbers per step and holds O(b D). For batches that do not fit into memory.
    /// </summary>
    Ring,

    /// <summary>
    /// Each rank contrasts its own rows alone: for <see cref="GammaContrastiveLoss"/> with a <see cref="PartitionTable"/>, whole or sharded, whose gradient
    /// is then unbiased but noisier, if <see cref="ShardedBatches"/> deals out the items. Only table rows are exchanged.
    /// </summary>
    Local,

    /// <summary>
    /// Each rank has all rows of both sides and works out the loss of the whole batch: exact for every loss and setting, InfoNCE's variants and drawn weights
    /// among them, but the work on the loss is not divided. A rank sends 2 (K-1) b D numbers per step and holds 2 K b D.
    /// </summary>
    Whole,
}

/// <summary>What a contrastive loss says of a batch that lies on several ranks.</summary>
public sealed class DistributedResult
{
    internal DistributedResult(Tensor loss, double batchLoss, double batchObjective, long skippedAnchors)
        => (Loss, BatchLoss, BatchObjective, SkippedAnchors) = (loss, batchLoss, batchObjective, skippedAnchors);

    /// <summary>
    /// This rank's share: call <c>backward()</c> on it and <see cref="GradientReduction.Sum"/> after. The shares of all ranks add up to the loss
    /// of the batch, and so do their gradients. It belongs to the surrounding dispose scope.
    /// </summary>
    public Tensor Loss { get; }

    /// <summary>The loss of the whole batch, the same on all ranks.</summary>
    public double BatchLoss { get; }

    /// <summary>The objective of the whole batch (<see cref="ContrastiveResult.Objective"/>): the curve to watch.</summary>
    public double BatchObjective { get; }

    /// <summary>The anchors of the whole batch that were skipped, both directions together.</summary>
    public long SkippedAnchors { get; }
}

/// <summary>
/// A contrastive loss of a batch whose rows lie on several ranks: value, gradients and tables as one process with the whole batch has them.
/// </summary>
/// <remarks>
/// <para>Each rank gives its own rows, how many is its own affair, and gets its share of the loss. Gradients are summed over the ranks
/// (<see cref="GradientReduction"/>), those of a learned temperature with the others. All exchange is done by <see cref="Evaluate"/>:
/// <c>backward()</c> exchanges nothing, so ranks never wait for each other in the backward pass.</para>
/// <para>A <see cref="PartitionTable"/> is replicated: each rank holds all of it and makes the same changes, from sums of a few
/// numbers per row. So the checkpoint of any rank serves all of them, and any number of ranks can resume from it. Where it is too large for that, a
/// <see cref="ShardedPartitionTable"/> keeps a part of it on each rank.</para>
/// <para>A <see cref="CrossBatchMemory"/> is replicated as well: each rank contrasts its own rows with all remembered ones, and puts the batch of all ranks
/// in. With <see cref="Exchange.Local"/> each rank remembers its own rows: <see cref="Replicas.Pool"/> before a checkpoint.</para>
/// <para>The exchanges that divide the work take <see cref="InfoNCELoss"/> in its standard form and <see cref="GammaContrastiveLoss"/> with a table or
/// <see cref="BatchPartition"/>, and with a memory; <see cref="Exchange.Whole"/> takes every contrastive loss, and <see cref="WholeBatch"/> any other. A value can be
/// differentiated once.</para>
/// </remarks>
/// <example>
/// <code>
/// var distributed = new DistributedLoss(loss, communicator);
/// distributed.Evaluate(imageFeatures, textFeatures, ids).Loss.backward();
/// gradients.Sum();
/// optimizer.step();
/// </code>
/// </example>
public sealed class DistributedLoss
{
    private const string OrWhole = $" (or take {nameof(Exchange)}.{nameof(Exchange.Whole)}, where each rank works out all of it)";

    private readonly ContrastiveLoss _loss;
    private readonly GammaContrastiveLoss? _pairs;
    private readonly Communicator _communicator;
    private readonly ShardedBatches? _batches;

    /// <summary>Wraps a loss. The loss stays the caller's.</summary>
    /// <param name="loss">The same on all ranks; its reduction is a mean or a sum.</param>
    /// <param name="communicator">The ranks.</param>
    /// <param name="exchange">How rows meet.</param>
    /// <param name="batches">What dealt out the items; for <see cref="Exchange.Local"/> alone, which it makes unbiased.</param>
    /// <exception cref="ArgumentException">The loss, or its settings, cannot be spread over ranks in this way; the message says why.</exception>
    public DistributedLoss(ContrastiveLoss loss, Communicator communicator, Exchange exchange = Exchange.Gather, ShardedBatches? batches = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(communicator);
        Exchange = Guard.Defined(exchange);
        if (loss.reduction == nn.Reduction.None)
            throw new ArgumentException("the loss has no reduction: shares of ranks add up to one value, a mean or a sum", nameof(loss));
        if (exchange == Exchange.Local != batches is not null)
            throw new ArgumentException(
                $"{nameof(ShardedBatches)} go with {nameof(Exchange)}.{nameof(Exchange.Local)}, which is unbiased only where they deal out the items, and with no other exchange",
                nameof(batches));
        CheckTable((loss as GammaContrastiveLoss)?.Estimator, communicator);
        CheckTable((loss as GammaContrastiveLoss)?.ReverseEstimator, communicator);
        (_loss, _communicator, _batches) = (loss, communicator, batches);
        _pairs = exchange == Exchange.Whole ? null : PairsOf(loss, exchange);
    }

    /// <summary>How rows meet.</summary>
    public Exchange Exchange { get; }

    /// <summary>This rank's share of the loss of the batch; all ranks call it.</summary>
    /// <param name="anchors">(n, D), this rank's.</param>
    /// <param name="candidates">(n, D), row i belongs to row i; of the same width and dtype on all ranks.</param>
    /// <param name="sampleIds">(n) integers: which sample each row is, see <see cref="ContrastiveLoss.Evaluate"/>.</param>
    /// <param name="labels">
    /// (n) integers: rows of one label are positives of each other, as with <see cref="PairMap.FromLabels(Tensor, Tensor)"/> or, of two views,
    /// <see cref="PairMap.FromLabels(Tensor)"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The arguments do not fit together, or not those of other ranks, or features that the loss refuses are not finite on some rank; the message says what
    /// was given.
    /// </exception>
    public DistributedResult Evaluate(Tensor anchors, Tensor candidates, Tensor? sampleIds = null, Tensor? labels = null)
    {
        Guard.Features(anchors);
        Guard.Features(candidates);
        Guard.Comparable(anchors, candidates);
        Guard.SameRows(anchors, candidates);
        if (sampleIds is not null) Guard.Integers(sampleIds, anchors.shape[0]);
        if (labels is not null) Guard.Integers(labels, anchors.shape[0]);
        if (labels is not null && _pairs?.Memory is not null)
            throw new ArgumentException($"remembered rows have no labels where ranks divide the work{OrWhole}", nameof(labels));
        var counts = Agree(anchors, candidates, sampleIds, labels);
        using var scope = NewDisposeScope();
        var result = Exchange switch
        {
            Exchange.Whole => Whole(anchors, candidates, sampleIds, labels),
            Exchange.Local => Local(anchors, candidates, sampleIds, labels, counts),
            _ => new PairExchange(_loss, _pairs!, _communicator, Exchange == Exchange.Ring, counts).Evaluate(anchors, candidates, sampleIds, labels),
        };
        result.Loss.MoveToOuterDisposeScope();
        return result;
    }

    /// <summary>The loss as a sum over pairs: itself, or for InfoNCE the decomposable loss that has its value as objective and its gradient.</summary>
    private static GammaContrastiveLoss PairsOf(ContrastiveLoss loss, Exchange exchange)
    {
        if (loss is GammaContrastiveLoss gamma)
        {
            if (exchange == Exchange.Local)
            {
                if (gamma.Estimator is not (PartitionTable or ShardedPartitionTable) || gamma.ReverseEstimator is not (null or PartitionTable or ShardedPartitionTable))
                    throw new ArgumentException(
                        $"{nameof(Exchange)}.{nameof(Exchange.Local)} is unbiased with a {nameof(PartitionTable)}, whole or sharded, but the estimator is {gamma.Estimator.GetName()}",
                        nameof(loss));
                return gamma;
            }
            if (gamma.Estimator is not (PartitionTable or ShardedPartitionTable or BatchPartition)
                || gamma.ReverseEstimator is not (null or PartitionTable or ShardedPartitionTable or BatchPartition))
                throw new ArgumentException($"ranks that divide the work share a {nameof(PartitionTable)} or a {nameof(BatchPartition)}, but the estimator is {gamma.Estimator.GetName()}{OrWhole}", nameof(loss));
            if (gamma.EStep != EStep.PosteriorMean)
                throw new ArgumentException($"ranks would draw different numbers: the E-step must be {nameof(EStep.PosteriorMean)} but is {gamma.EStep}{OrWhole}", nameof(loss));
            return gamma;
        }
        if (exchange == Exchange.Local)
            throw new ArgumentException(
                $"{nameof(Exchange)}.{nameof(Exchange.Local)} is for {nameof(GammaContrastiveLoss)}, a sum over pairs: of {loss.GetType().Name} it would be biased", nameof(loss));
        if (loss is not InfoNCELoss info)
            throw new ArgumentException($"{loss.GetType().Name} cannot be spread over ranks: {nameof(InfoNCELoss)} and {nameof(GammaContrastiveLoss)} can{OrWhole}", nameof(loss));
        if (info.Decoupled || info.HardNegatives is not null || info.LabelSmoothing > 0 || info.Memory is not null || info.PositiveSum != PositiveSum.OutsideLog)
            throw new ArgumentException(
                "of InfoNCE the standard form can be spread over ranks: not decoupled, without hard negatives, label smoothing and memory, positives outside the logarithm" + OrWhole,
                nameof(loss));
        return new GammaContrastiveLoss(
            new BatchPartition(), info.Temperature, info.Mode, info.Similarity, missingPairs: info.MissingPairs, reduction: info.reduction);
    }

    private static void CheckTable(PartitionEstimator? estimator, Communicator communicator)
    {
        if (estimator is ShardedPartitionTable { Communicator: var ranks } && !ReferenceEquals(ranks, communicator))
            throw new ArgumentException(
                $"the table is cut among other ranks: it is of rank {ranks.Rank} of {ranks.Size} but the loss of rank {communicator.Rank} of {communicator.Size}", nameof(communicator));
    }

    /// <summary>The rows of each rank. Refuses, on all ranks, what does not fit those of others.</summary>
    private long[] Agree(Tensor anchors, Tensor candidates, Tensor? ids, Tensor? labels)
    {
        long[] own =
        [
            anchors.shape[0], anchors.shape[1], (long)anchors.dtype, ids is null ? 0 : 1, labels is null ? 0 : 1,
            (long)Exchange, _loss.training ? 1 : 0, is_grad_enabled() ? 1 : 0, NotFinite(anchors, candidates),
        ];
        string[] names = ["", "the features of a row", "the dtype", "sample ids", "labels", "the exchange", "training mode", "gradients"];
        var all = _communicator.Meet(own);
        for (var rank = 1; rank < all.Length; rank++)
            for (var index = 1; index < names.Length; index++)
                if (all[rank][index] != all[0][index])
                    throw new ArgumentException($"{names[index]}: rank {rank} has {all[rank][index]} but rank 0 has {all[0][index]}", nameof(anchors));
        if (Array.FindIndex(all, rank => rank[^1] != 0) is >= 0 and var wrong)
        {
            var side = all[wrong][^1] == 1 ? nameof(anchors) : nameof(candidates);
            throw new ArgumentException($"{side} of rank {wrong} are not finite; nothing was changed", side);
        }
        long[] counts = [.. all.Select(rank => rank[0])];
        if (counts.Sum() == 0) throw new ArgumentException("no rank has any rows", nameof(anchors));
        return counts;
    }

    /// <summary>
    /// 1 where this rank's anchors are not finite, 2 where its candidates are not, and else 0. Of the loss that refuses them, since it keeps an estimate:
    /// InfoNCE is NaN then, as in one process.
    /// </summary>
    private long NotFinite(Tensor anchors, Tensor candidates)
    {
        if (_loss is not GammaContrastiveLoss) return 0;
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        return !AreFinite(anchors) ? 1 : !AreFinite(candidates) ? 2 : 0;

        // A sum can be beyond the dtype.
        static bool AreFinite(Tensor rows) => rows.SumAll().IsFinite() || rows.isfinite().all().item<bool>();
    }

    private DistributedResult Whole(Tensor anchors, Tensor candidates, Tensor? sampleIds, Tensor? labels)
    {
        var ids = sampleIds is null ? null : _communicator.AllGatherRows(sampleIds);
        var map = labels is null ? null : PairExchange.OfLabels(_communicator.AllGatherRows(labels), _loss.Mode);
        var (objective, skipped) = (0.0, 0L);
        var whole = WholeBatch.Evaluate(_communicator, [anchors, candidates], rows =>
        {
            var result = _loss.Evaluate(rows[0], rows[1], ids, map);
            (objective, skipped) = (result.Objective.to(ScalarType.Float64).item<double>(), result.SkippedAnchors);
            return result.Loss;
        });
        // Of rank 0, as the loss is: the same bits on all ranks.
        objective = BitConverter.Int64BitsToDouble(_communicator.Meet(BitConverter.DoubleToInt64Bits(objective))[0][0]);
        return new DistributedResult(whole.Loss, whole.BatchLoss, objective, skipped);
    }

    private DistributedResult Local(Tensor anchors, Tensor candidates, Tensor? sampleIds, Tensor? labels, long[] counts)
    {
        if (labels is not null) throw new ArgumentException($"with {nameof(Exchange)}.{nameof(Exchange.Local)} only some of the positives of a label would be here", nameof(labels));
        if (Array.FindIndex(counts, count => count < 2) is >= 0 and var single)
            throw new ArgumentException(
                $"rank {single} has {counts[single]} of the {counts.Sum()} rows, but {nameof(Exchange)}.{nameof(Exchange.Local)} needs two on each rank: "
                + "take a larger batch, fewer ranks, or another exchange",
                nameof(anchors));
        if (sampleIds is null || !_batches!.IsLast(sampleIds))
            throw new ArgumentException($"sampleIds must be what {nameof(ShardedBatches)}.{nameof(ShardedBatches.Next)} gave last: items that it did not deal out bias the gradient", nameof(sampleIds));

        var part = _pairs!.Evaluate(anchors, candidates, sampleIds);
        var share = _loss.reduction == nn.Reduction.Mean ? (double)anchors.shape[0] / counts.Sum() : 1;
        var loss = part.Loss.Times(share);
        using var totals = tensor(
            [loss.detach().to(ScalarType.Float64).item<double>(), part.Objective.to(ScalarType.Float64).item<double>() * share, part.SkippedAnchors],
            dtype: ScalarType.Float64);
        _communicator.AllReduce(totals);
        if (_loss.training)
        {
            // A sharded table has brought home what changed.
            if (_pairs.Estimator is PartitionTable table) Share(table, sampleIds);
            if (_pairs.ReverseEstimator is PartitionTable reverse) Share(reverse, sampleIds);
        }
        var sums = totals.data<double>().ToArray();
        return new DistributedResult(loss, sums[0], sums[1], (long)sums[2]);
    }

    /// <summary>Puts the table rows that other ranks changed into this rank's table. No two ranks have the same item.</summary>
    private void Share(PartitionTable table, Tensor ids)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        ids = ids.to(ScalarType.Int64);
        var places = _communicator.AllGatherRows(ids);
        table.LogPartition.index_copy_(0, places, _communicator.AllGatherRows(table.LogPartition.index_select(0, ids)));
        table.Visits.index_copy_(0, places, _communicator.AllGatherRows(table.Visits.index_select(0, ids)));
    }
}
