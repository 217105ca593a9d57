using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What a memory adds to a step of the decomposable loss: negatives of the batch's anchors, and anchors that push its candidates.</summary>
internal sealed class GammaMemoryStep
{
    private readonly BatchMemory _memory;
    private readonly (SimilarityMatrix Matrix, ContrastSums Sums)? _forward;
    private readonly (SimilarityMatrix Matrix, ContrastSums Sums)? _reverse;

    /// <param name="memory">The memory beside the batch.</param>
    /// <param name="matrix">The batch's similarities.</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="isSymmetric">Whether the candidates are anchors of the other direction.</param>
    public GammaMemoryStep(BatchMemory memory, SimilarityMatrix matrix, LogitScale scale, bool isSymmetric)
    {
        _memory = memory;
        _forward = memory.Forward?.Negatives(scale, reduced: !matrix.IsWhole);
        if (isSymmetric) _reverse = memory.Reverse?.Negatives(scale, reduced: !matrix.IsWhole);
    }

    /// <summary>The sums of the batch's anchors over candidates of batch and memory, without a graph.</summary>
    public PartitionSums Forward(PairSums batch) => Merge(batch, _forward);

    /// <summary>Those of its candidates over anchors, likewise.</summary>
    public PartitionSums Reverse(PairSums batch) => Merge(batch, _reverse);

    /// <summary>Of a loss of one direction: the sums of the batch's candidates, whose counts have the memory's anchors that push them.</summary>
    public PartitionSums Reverse(ContrastSums batch)
        => new(batch.Candidates!.Detach().WithMoreNegatives(_memory.Reverse!.CountNegatives()), hasLogitBias: false);

    /// <summary>The loss of the remembered rows' pairs, to be added to that of the batch's.</summary>
    /// <param name="constant">1/τ, of which no gradient is wanted.</param>
    /// <param name="forward">The E-step of the anchors.</param>
    /// <param name="backward">That of the candidates; null for one direction.</param>
    /// <param name="logScales">log c of the batch's anchors as candidates of the other direction, (n); asked where something pushes them.</param>
    /// <param name="reverseLogScales">log c of the batch's candidates, (m), likewise.</param>
    /// <param name="reduction">A mean or a sum.</param>
    public Tensor Loss(
        LogitScale constant,
        GammaExpectation forward,
        GammaExpectation? backward,
        Func<Tensor> logScales,
        Func<Tensor> reverseLogScales,
        nn.Reduction reduction)
    {
        var half = backward is null ? 1 : 0.5;
        var parts = new List<Tensor>();
        if (_forward is { } anchors) parts.Add(OfNegatives(anchors, forward));
        if (_reverse is { } candidates) parts.Add(OfNegatives(candidates, backward!.Value));
        // The remembered anchors of a direction push the batch's candidates, with a share of the batch's mean over anchors.
        if (_memory.Reverse is { } reverse) parts.Add(reverse.Push(constant, reverseLogScales(), Share(forward)));
        if (backward is { } other && _memory.Forward is { } remembered) parts.Add(remembered.Push(constant, logScales(), Share(other)));
        return parts.Count == 0 ? zeros_like(forward.Objective.SumAll()) : parts.Aggregate((sum, part) => sum.Plus(part));

        Tensor OfNegatives((SimilarityMatrix Matrix, ContrastSums Sums) block, GammaExpectation expectation)
        {
            var sums = expectation.Skipped.Mask is { } mask ? block.Sums.Anchors.ZeroWhere(mask) : block.Sums.Anchors;
            var (value, terms) = AugmentedEquation.OfNegatives(sums, expectation.Weights);
            var losses = new AnchorLosses(value, expectation.Skipped, () => new SumDerivatives(null, terms, null));
            return AnchorLosses.Of(block.Matrix, block.Sums, losses, null, reduction).Times(half);
        }

        double Share(GammaExpectation expectation)
            => half * (reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, expectation.Objective.size(0) - expectation.Skipped.Count) : 1);
    }

    private static PartitionSums Merge(PairSums batch, (SimilarityMatrix Matrix, ContrastSums Sums)? block)
        => new(block is var (_, sums) ? batch.Detach().WithNegatives(sums.Anchors.Detach()) : batch.Detach(), hasLogitBias: false);
}
