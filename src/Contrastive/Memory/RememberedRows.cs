using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What a memory's rows are to rows of a batch: more negatives of theirs, and anchors that push them away.</summary>
/// <param name="batch">The rows of the batch, (n, D).</param>
/// <param name="entries">Those remembered, (K, D).</param>
/// <param name="map">Their pairs, negatives or excluded.</param>
/// <param name="tiling">How much may be formed at once.</param>
internal sealed class RememberedRows(FeatureRows batch, MemoryEntries entries, PairMap map, Tiling tiling)
{
    /// <summary>The batch's rows as anchors, the remembered ones as their candidates.</summary>
    /// <param name="scale">1/τ.</param>
    /// <param name="reduced">Whether the loss is a sum or a mean.</param>
    public (SimilarityMatrix Matrix, ContrastSums Sums) Negatives(LogitScale scale, bool reduced)
    {
        var matrix = SimilarityMatrix.Of(batch, entries.Features(batch.ComputeType), scale, new PairTerms(map), tiling, reduced);
        return (matrix, matrix.Sum(bothDirections: false));
    }

    /// <summary>
    /// Σ_m u_m Σ_j c_j exp(s_mj) over the remembered anchors m and the batch's rows j, each with what it stands for: 0 as a value, with its
    /// gradient by the rows.
    /// </summary>
    /// <param name="scale">1/τ, constant.</param>
    /// <param name="logScales">log c, (n); -∞ for rows that are not pushed.</param>
    /// <param name="share">What the gradient is multiplied by.</param>
    public Tensor Push(LogitScale scale, Tensor logScales, double share)
    {
        var matrix = SimilarityMatrix.Of(
            batch, entries.Features(batch.ComputeType), scale, new PairTerms(map), tiling.InTiles(), takesHalf: false);
        var zero = zeros([], dtype: batch.ComputeType, device: logScales.device);
        if (!matrix.NeedsPullBack) return zero;
        var logWeights = entries.LogWeights.To(batch.ComputeType);
        var pattern = matrix.Pattern;
        matrix.ForEachTile(scratch: 0, (tile, block, _) =>
        {
            if (pattern is not null) pattern.Mask_(tile, block);
            else tile.masked_fill_(map.Masks(block, PositiveSampling.Complete, tile.device).Negatives.logical_not(), Scalars.NegativeInfinity);
            tile.add_(block.AnchorsOf(logScales).unsqueeze(1), Scalars.One)
                .add_(block.CandidatesOf(logWeights).unsqueeze(0), Scalars.One)
                .exp_();
        });
        return matrix.Attach(zero, share);
    }

    /// <summary>How many of the entries are negatives of each of the batch's rows, (n).</summary>
    public Tensor CountNegatives()
    {
        var count = zeros(map.AnchorCount, dtype: batch.ComputeType, device: entries.Rows.device);
        if (new PairTerms(map).Pattern is { } pattern)
            return pattern.Count(new PairBlock(0, map.AnchorCount, 0, map.CandidateCount), count).Negatives;
        foreach (var (first, rows) in Runs.Of(map.AnchorCount, Math.Max(1, (1 << 19) / map.CandidateCount)))
        {
            using var scope = NewDisposeScope();
            var block = new PairBlock(first, rows, 0, map.CandidateCount);
            block.AnchorsOf(count).add_(map.Masks(block, PositiveSampling.Complete, count.device).Negatives.sum(dim: 1), Scalars.One);
        }
        return count;
    }
}
