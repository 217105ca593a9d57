using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The sigmoid loss of each pair (Zhai et al. 2023, equation 2): -log σ(z s) = softplus(-z s), z = 1 of a positive and -1 of a negative,
/// and 0 of an excluded pair. s has the bias b in it. Its derivative by s is -z σ(-z s).
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="pattern">Their diagonals, where that is all there is to them.</param>
internal sealed class SigmoidEquation(PairMap map, DiagonalPattern? pattern)
{
    /// <summary>How many tiles of memory it needs beside the one at hand.</summary>
    public const int Scratch = 2;

    /// <summary>Of a whole matrix, with its graph: derivatives of any order are exact.</summary>
    /// <param name="logits">(N, M).</param>
    public Tensor Terms(Tensor logits)
    {
        var masks = map.Masks(new PairBlock(0, map.AnchorCount, 0, map.CandidateCount), PositiveSampling.Complete, logits.device);
        var excluded = masks.Positives.logical_or(masks.Negatives).logical_not();
        // Of an excluded pair log σ(∞) = 0.
        var signed = logits.mul(Signs(masks, empty_like(logits.detach()))).masked_fill(excluded, Scalars.Infinity);
        return nn.functional.logsigmoid(signed).neg();
    }

    /// <summary>Adds the terms of a tile of similarities up, and leaves -z s in the tile.</summary>
    /// <param name="tile">(m, n), the similarities.</param>
    /// <param name="block">Where it lies.</param>
    /// <param name="scratch">Memory of the same shape.</param>
    /// <param name="perAnchor">(N), added to.</param>
    /// <param name="perCandidate">(M), added to; null where it is not wanted.</param>
    public void AddTerms(Tensor tile, PairBlock block, Tensor[] scratch, Tensor perAnchor, Tensor? perCandidate)
    {
        Turn_(tile, block, scratch[0], excluded: true);
        // softplus(x) = max(x, 0) + log(1 + exp(-|x|)) overflows nowhere and keeps its digits at both ends.
        var terms = scratch[0].copy_(tile).abs_().neg_().exp_().log1p_();
        terms.add_(scratch[1].copy_(tile).relu_(), Scalars.One);
        block.AnchorsOf(perAnchor).add_(terms.sum(dim: 1), Scalars.One);
        if (perCandidate is not null) block.CandidatesOf(perCandidate).add_(terms.sum(dim: 0), Scalars.One);
    }

    /// <summary>Turns what <see cref="AddTerms"/> left in a tile into the derivatives by the similarities.</summary>
    /// <param name="tile">(m, n).</param>
    /// <param name="block">Where it lies.</param>
    /// <param name="scratch">Memory of the same shape.</param>
    /// <param name="shares">The weight of each pair in the loss.</param>
    public void Differentiate_(Tensor tile, PairBlock block, Tensor scratch, PairShares shares)
    {
        shares.Apply_(tile.sigmoid_(), block, scratch);
        Turn_(tile, block, scratch, excluded: false);
    }

    /// <summary>Turns the sign of positives, in place, and, if asked, makes excluded pairs -∞.</summary>
    private void Turn_(Tensor tile, PairBlock block, Tensor scratch, bool excluded)
    {
        if (pattern is not null)
        {
            foreach (var segment in DiagonalSegment.Of(pattern.Positives, block)) tile.diagonal(segment.Offset, 0, 1).neg_();
            if (!excluded) return;
            foreach (var segment in DiagonalSegment.Of(pattern.Excluded, block)) tile.diagonal(segment.Offset, 0, 1).fill_(Scalars.NegativeInfinity);
            pattern.Others?.Fill_(tile, block, double.NegativeInfinity);
            return;
        }
        var masks = map.Masks(block, PositiveSampling.Complete, tile.device);
        tile.mul_(Signs(masks, scratch)).neg_();
        if (excluded) tile.masked_fill_(masks.Positives.logical_or(masks.Negatives).logical_not(), Scalars.NegativeInfinity);
    }

    /// <summary>1 of a positive and -1 of others, in the memory given.</summary>
    private static Tensor Signs(PairMasks masks, Tensor memory) => memory.copy_(masks.Positives).mul_(Two).sub_(Scalars.One);

    private static readonly Scalar Two = 2.0.ToScalar();
}
