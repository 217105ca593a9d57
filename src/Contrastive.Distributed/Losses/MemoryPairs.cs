using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// What a memory, the same on all ranks, adds to an exact exchange: more negatives of anchors, and remembered anchors that push candidates
/// (<see cref="CrossBatchMemory"/>). Each rank has the pairs of its own rows, so nothing is exchanged but the batch that is put in.
/// </summary>
/// <param name="pairs">The loss.</param>
/// <param name="memory">Its memory.</param>
/// <param name="ids">The samples of this rank's rows, if told.</param>
internal sealed class MemoryPairs(GammaContrastiveLoss pairs, CrossBatchMemory memory, Tensor? ids)
{
    private readonly (Tensor Rows, Tensor Ids, Tensor LogWeights)? _anchors = memory.NewestAnchors();
    private readonly (Tensor Rows, Tensor Ids, Tensor LogWeights)? _candidates = memory.NewestCandidates();

    /// <summary>Whether remembered anchors push candidates, so that the negatives of these have to be counted.</summary>
    public bool Pushes => _anchors is not null;

    /// <summary>What the memory adds to the sums of own rows; null for nothing.</summary>
    /// <param name="rows">(n, D), this rank's.</param>
    /// <param name="areAnchors">Whether they are anchors, or candidates as anchors of the other direction.</param>
    public PartitionSums? Sums(Tensor rows, bool areAnchors)
        => Beside(areAnchors) is var (remembered, samples, _) && rows.shape[0] > 0 ? pairs.SumPartition(Wide(rows), Alike(remembered, rows), Map(rows, samples)) : null;

    /// <summary>The loss of own rows and their remembered negatives, whose gradients by the rows and by what the loss learns are wanted; null for nothing.</summary>
    /// <param name="rows">(n, D), this rank's, with a graph.</param>
    /// <param name="weights">Of these rows.</param>
    /// <param name="areAnchors">As for <see cref="Sums"/>.</param>
    public Tensor? Negatives(Tensor rows, GammaWeights weights, bool areAnchors)
        => Beside(areAnchors) is var (remembered, samples, _) ? pairs.MaximizationStep(Wide(rows), Alike(remembered, rows), Map(rows, samples), weights) : null;

    /// <summary>
    /// The gradient by own rows of Σ_m u_m Σ_j c_j exp(s_mj), over the remembered anchors m and the rows j; null for nothing. It counts for the rows
    /// alone: the value and the temperature have these pairs from the batch's side.
    /// </summary>
    /// <param name="rows">(n, D), this rank's.</param>
    /// <param name="logScales">log c, (n).</param>
    /// <param name="areAnchors">Whether the rows are anchors, which remembered candidates of the other direction push, or candidates.</param>
    public Tensor? Push(Tensor rows, Tensor logScales, bool areAnchors)
    {
        if (Beside(areAnchors) is not var (remembered, samples, logWeights)) return null;
        using var scope = NewDisposeScope();
        var pushed = Wide(rows.detach()).clone().requires_grad_();
        var map = Map(rows, samples).Transpose();
        var sum = pairs.MaximizationStep(Alike(remembered, rows), pushed, map, GammaWeights.Create(logWeights.To(pushed.dtype)));
        using var constant = no_grad();
        return autograd.grad([sum], [pushed])[0].mul(logScales.To(pushed.dtype).exp().unsqueeze(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Puts the batch of all ranks in.</summary>
    /// <param name="anchors">(N, D); of two views those of both, (2N, D).</param>
    /// <param name="candidates">(N, D); null of two views.</param>
    /// <param name="samples">Of all anchors, if told.</param>
    /// <param name="weights">Of all anchors.</param>
    /// <param name="reverseWeights">Of all candidates of a symmetric loss.</param>
    public void Store(Tensor anchors, Tensor? candidates, Tensor? samples, GammaWeights weights, GammaWeights? reverseWeights)
    {
        using var constant = no_grad();
        memory.EnqueueBatch(Compared(anchors), candidates is null ? null : Compared(candidates), samples, weights.LogWeights, reverseWeights?.LogWeights);

        Tensor Compared(Tensor rows) => pairs.Similarity == SimilarityMeasure.Cosine ? UnitRows.Of(rows) : UnitRows.Widen(rows);
    }

    /// <summary>The remembered rows of the other side; of two views there is one side.</summary>
    private (Tensor Rows, Tensor Ids, Tensor LogWeights)? Beside(bool areAnchors) => areAnchors && pairs.Mode != ContrastMode.TwoViews ? _candidates : _anchors;

    private PairMap Map(Tensor rows, Tensor samples)
    {
        var map = PairMap.Negatives(rows.shape[0], samples.shape[0]);
        return ids is null ? map : map.WithSampleIds(ids, samples);
    }

    private static Tensor Wide(Tensor rows) => UnitRows.Widen(rows);

    private static Tensor Alike(Tensor remembered, Tensor rows) => remembered.To(UnitRows.ComputeType(rows.dtype));
}
