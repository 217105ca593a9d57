using static TorchSharp.torch;

namespace Contrastive;

/// <summary>From checked features to InfoNCE's value: which similarities are formed, and for which equation.</summary>
internal readonly record struct InfoNCEEngine(
    Temperature Temperature, SimilarityMeasure Similarity, PositiveSum PositiveSum, MissingPairs MissingPairs, nn.Reduction Reduction)
{
    public (Tensor Loss, long Skipped) OneDirection(Tensor anchors, Tensor candidates, PairMap pairs)
        => Contrast(Logits(anchors, candidates, pairs), pairs);

    public (Tensor Loss, long Skipped) Symmetric(Tensor anchors, Tensor candidates, PairMap pairs)
    {
        var logits = Logits(anchors, candidates, pairs);
        var (forward, skippedAnchors) = Contrast(logits, pairs);
        var (backward, skippedCandidates) = Contrast(logits.t(), pairs.Transpose());
        return (LossReduction.MeanOfDirections(forward, backward), skippedAnchors + skippedCandidates);
    }

    /// <summary>Negatives (M, D) for all anchors, or (N, M, D) for each its own; they replace the other candidates.</summary>
    public (Tensor Loss, long Skipped) ExplicitNegatives(Tensor anchors, Tensor positives, Tensor negatives, PairMap? pairs)
    {
        var a = Temperature.Scale(Features.Prepare(anchors, Similarity));
        var p = Features.Prepare(positives, Similarity);
        var n = Features.Prepare(negatives, Similarity);

        var positiveLogits = a.mul(p).sum(dim: 1, keepdim: true);                                   // (N, 1)
        var negativeLogits = n.dim() == 2 ? a.matmul(n.t()) : n.matmul(a.unsqueeze(2)).squeeze(2);  // (N, M)
        if (pairs is null)
            return (InfoNCEEquation.SinglePositive(cat([positiveLogits, negativeLogits], 1), positiveLogits.squeeze(1))
                .Reduce(PairPresence.All, Reduction), 0);

        var logits = cat([positiveLogits, pairs.AddBias(negativeLogits)], 1);
        var negative = pairs.Tile(anchors.device).Negative;
        var first = ones_like(negative.narrow(1, 0, 1));
        var tile = new PairTile(
            cat([first, zeros_like(negative)], 1), cat([first.logical_not(), negative], 1));
        return Masked(logits, tile);
    }

    private Tensor Logits(Tensor anchors, Tensor candidates, PairMap pairs)
    {
        var a = Temperature.Scale(Features.Prepare(anchors, Similarity));
        var b = Features.Prepare(candidates, Similarity);
        return pairs.AddBias(a.matmul(b.t()));
    }

    private (Tensor Loss, long Skipped) Contrast(Tensor logits, PairMap pairs)
    {
        if (!pairs.IsPlainDiagonal(out var offset)) return Masked(logits, pairs.Tile(logits.device));

        var presence = PairPresence.CheckPlain(pairs.AnchorCount, pairs.CandidateCount, MissingPairs, logits.device);
        var perAnchor = InfoNCEEquation.SinglePositive(logits, logits.diagonal(offset, 0, 1));
        return (perAnchor.Reduce(presence, Reduction), presence.Missing);
    }

    private (Tensor Loss, long Skipped) Masked(Tensor logits, PairTile tile)
    {
        var positiveCount = tile.Positive.sum(dim: 1);
        var presence = PairPresence.Check(positiveCount, tile.Negative.sum(dim: 1), MissingPairs);
        var perAnchor = InfoNCEEquation.Masked(logits, tile, positiveCount, PositiveSum);
        return (perAnchor.Reduce(presence, Reduction), presence.Missing);
    }
}
