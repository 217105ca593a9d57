using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What every pair weighs in the numerator where positives are not simply positives: t_ij = (1 - ε) p_ij + ε / K_i over the K_i pairs of
/// an anchor that are not excluded, p_ij given as targets or 1/k of k positives. Of both directions, worked out a block at a time.
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="anchors">Of the anchors.</param>
/// <param name="candidates">Of the candidates as anchors.</param>
internal sealed class TargetRows(PairMap map, TargetDirection anchors, TargetDirection candidates)
{
    /// <summary>Counting goes through the masks of about this many pairs at a time.</summary>
    private const long RunPairs = 1 << 19;

    /// <summary>Null where a map has no targets and nothing is smoothed.</summary>
    /// <param name="map">The pairs.</param>
    /// <param name="smoothing">ε.</param>
    /// <param name="dtype">The dtype of the similarities.</param>
    /// <param name="device">Their device.</param>
    public static TargetRows? Of(PairMap map, double smoothing, ScalarType dtype, Device device)
    {
        if (!map.HasTargets && smoothing == 0) return null;
        using var constant = no_grad();
        var (ofAnchors, ofCandidates) = (New(map.AnchorCount), New(map.CandidateCount));
        var (allowedOfAnchors, allowedOfCandidates) = (New(map.AnchorCount), New(map.CandidateCount));
        var rows = Math.Min(map.AnchorCount, Math.Max(1, RunPairs / map.CandidateCount));
        using var memory = Workspace.Empty([rows, map.CandidateCount], dtype, device);
        foreach (var (first, count) in Runs.Of(map.AnchorCount, rows))
        {
            using var scope = NewDisposeScope();
            var numbers = memory.narrow(0, 0, count);
            var block = new PairBlock(first, count, 0, map.CandidateCount);
            var masks = map.Masks(block, PositiveSampling.Complete, device);
            var allowed = masks.Positives.logical_or(masks.Negatives);
            Add(ofAnchors, allowedOfAnchors, 1);
            Add(ofCandidates, allowedOfCandidates, 0);

            void Add(Tensor mass, Tensor number, int dimension)
            {
                var (massPart, numberPart) = dimension == 1 ? (block.AnchorsOf(mass), block.AnchorsOf(number)) : (mass, number);
                if (map.HasTargets) numbers.copy_(map.TargetsOf(block, dimension)).masked_fill_(allowed.logical_not(), Scalars.Zero);
                else numbers.copy_(masks.Positives);
                massPart.add_(numbers.sum(dim: dimension), Scalars.One);
                numberPart.add_(numbers.copy_(allowed).sum(dim: dimension), Scalars.One);
            }
        }
        return new TargetRows(map, Direction(1, ofAnchors, allowedOfAnchors), Direction(0, ofCandidates, allowedOfCandidates));

        Tensor New(long count) => zeros(count, dtype: dtype, device: device);

        TargetDirection Direction(int dimension, Tensor mass, Tensor allowed)
        {
            var none = mass.eq(Scalars.Zero);
            // Rows that were given stay as they are; numbers of positives and columns are divided by their sum.
            var isGiven = map.HasTargets && !map.TargetsAreColumns(dimension);
            var factor = isGiven ? ones_like(mass) : mass.masked_fill(none, Scalars.One).reciprocal();
            return new TargetDirection(
                factor.Times(1 - smoothing), allowed.clamp_min(Scalars.One).reciprocal().Times(smoothing), new PairCounts(mass, allowed, mass));
        }
    }

    /// <summary>Of one direction: 1 the anchors, 0 the candidates.</summary>
    public TargetDirection Direction(int dimension) => dimension == 1 ? anchors : candidates;

    /// <summary>Of a run of anchors and all candidates.</summary>
    public TargetRows Rows(long first, long count) => new(map.Block(first, count, 0, map.CandidateCount), anchors.Rows(first, count), candidates);

    /// <summary>t of a block in one direction, in the memory given; 0 of excluded pairs.</summary>
    public Tensor Weights(int dimension, PairBlock block, PairMasks masks, Tensor notAllowed, Tensor memory)
    {
        var direction = Direction(dimension);
        memory.copy_(map.HasTargets ? map.TargetsOf(block, dimension) : masks.Positives);
        return memory.mul_(Broadcast(direction.Factor)).add_(Broadcast(direction.Least), Scalars.One).masked_fill_(notAllowed, Scalars.Zero);

        Tensor Broadcast(Tensor values) => (dimension == 1 ? block.AnchorsOf(values) : block.CandidatesOf(values)).unsqueeze(dimension);
    }
}

/// <summary>Of each anchor of a direction, (n).</summary>
/// <param name="Factor">What p_ij, or the number 1 of a positive, is multiplied by.</param>
/// <param name="Least">ε / K_i.</param>
/// <param name="Counts">Σ_j p_ij as it was before (or the number of positives) in the place of the positives, K_i in that of the negatives.</param>
internal sealed record TargetDirection(Tensor Factor, Tensor Least, PairCounts Counts)
{
    public TargetDirection Rows(long first, long count) => new(
        Factor.narrow(0, first, count),
        Least.narrow(0, first, count),
        new PairCounts(Counts.Positives.narrow(0, first, count), Counts.Negatives.narrow(0, first, count), Counts.Numerator.narrow(0, first, count)));
}
