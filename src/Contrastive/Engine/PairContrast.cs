using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The similarities of anchors with candidates on their way to a loss: <see cref="Sums"/> where somebody must look at them
/// first (an E-step, missing pairs), then <see cref="Loss"/>. What it makes is in the caller's dispose scope.
/// </summary>
internal abstract class PairContrast
{
    private (PartitionSums Anchors, PartitionSums? Candidates)? _counted;

    protected PairContrast(SimilarityInputs inputs, TilePairs pairs, bool bothDirections)
        => (Inputs, Pairs, BothDirections) = (inputs, pairs, bothDirections);

    /// <summary>a / τ, (N, D), without a graph.</summary>
    public abstract Tensor Anchors { get; }

    /// <summary>b, (M, D), without a graph.</summary>
    public abstract Tensor Candidates { get; }

    /// <summary>Every anchor has one positive and at least one other candidate.</summary>
    public bool IsPlain => Pairs.IsPlain;

    /// <summary>The same for the candidates as anchors.</summary>
    public bool IsPlainTransposed => Pairs.IsPlainTransposed;

    protected SimilarityInputs Inputs { get; }

    protected TilePairs Pairs { get; }

    protected bool BothDirections { get; }

    /// <summary>The form that suits the size and what is asked of it.</summary>
    public static PairContrast Of(
        SimilarityInputs inputs, PairMap map, PositiveSampling sampling, bool bothDirections, nn.Reduction reduction, Tiling tiling)
    {
        var pairs = TilePairs.Of(map, sampling);
        var needsGradient = inputs.NeedsAnchors || inputs.NeedsCandidates;
        var whole = TakesWhole(map, tiling) || (needsGradient && reduction == nn.Reduction.None);
        return whole ? new WholeContrast(inputs, pairs, bothDirections) : new TiledContrast(inputs, pairs, bothDirections, tiling);
    }

    /// <summary>Whether so few pairs are formed at once, whatever is asked of them.</summary>
    public static bool TakesWhole(PairMap map, Tiling tiling) => map.AnchorCount * map.CandidateCount <= tiling.DensePairs;

    /// <summary>The sums over each anchor's candidates and, of two directions, each candidate's anchors. No graph.</summary>
    public (PartitionSums Anchors, PartitionSums? Candidates) Sums => _counted ??= Count();

    /// <summary>The loss of one direction, or the mean of both. Call it once.</summary>
    public abstract Tensor Loss(DirectionLoss forward, DirectionLoss? backward, nn.Reduction reduction);

    /// <summary>The sums, with or without a graph.</summary>
    protected abstract (PairSums Anchors, PairSums? Candidates) PairSums { get; }

    /// <summary>The tiles to count pairs in.</summary>
    protected abstract IEnumerable<PairBlock> Tiles { get; }

    private (PartitionSums Anchors, PartitionSums? Candidates) Count()
    {
        using var constant = no_grad();
        var (anchorSums, candidateSums) = PairSums;
        var (anchorCounts, candidateCounts) = Pairs.Count(Tiles, Anchors.device, Anchors.dtype);
        var hasBias = Pairs.Map.HasLogitBias;
        return (
            new PartitionSums(anchorSums.Detach(), anchorCounts, IsPlain, hasBias),
            candidateSums is { } sums ? new PartitionSums(sums.Detach(), candidateCounts, IsPlainTransposed, hasBias) : null);
    }

    protected static Tensor Combine(
        DirectionLoss forward, PairSums anchors, DirectionLoss? backward, PairSums? candidates, nn.Reduction reduction)
    {
        var loss = forward.Reduce(anchors, reduction);
        return backward is null ? loss : LossReduction.MeanOfDirections(loss, backward.Reduce(candidates!.Value, reduction));
    }
}
