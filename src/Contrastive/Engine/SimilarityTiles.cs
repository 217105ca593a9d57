using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The matrix of similarities s_ij = ⟨a_i, b_j⟩ (+ bias), gone through in tiles: summed, differentiated, or both at once. It is
/// never there as a whole, unless it fits into the budget. No graph. What is kept, and the sums, are in the caller's dispose
/// scope.
/// </summary>
/// <param name="anchors">(N, D), scaled by 1/τ.</param>
/// <param name="candidates">(M, D).</param>
/// <param name="pairs">What the pairs are to each other.</param>
/// <param name="plan">The tiles.</param>
internal sealed class SimilarityTiles(Tensor anchors, Tensor candidates, TilePairs pairs, TilePlan plan)
{
    private readonly Dictionary<PairBlock, Tensor> _kept = [];

    /// <summary>
    /// The sums of every anchor and, if asked, of every candidate. Tiles that will be wanted again are kept as far as the budget
    /// goes.
    /// </summary>
    /// <returns>Null where exponentials underflow, so that logarithms are needed.</returns>
    public (PairSums Anchors, PairSums? Candidates)? Sum(bool both, bool keep)
    {
        var forward = Sums(0, plan.Anchors);
        var backward = both ? Sums(0, plan.Candidates) : null;
        foreach (var block in plan.AllTiles)
        {
            // The sums of a single tile stay as they come, so they must not go with it.
            using var scope = plan.IsWhole ? null : NewDisposeScope();
            var logits = Logits(block);
            pairs.Sum(logits, block, forward, backward);
            if (keep && _kept.Count < plan.KeptTiles) _kept[block] = plan.IsWhole ? logits : logits.MoveToOuterDisposeScope();
            else if (plan.IsWhole) logits.Dispose();
        }
        if (!forward.Underflows && backward is not { Underflows: true }) return (forward.ToSums(), backward?.ToSums());
        foreach (var logits in _kept.Values) logits.Dispose();
        return null;
    }

    /// <summary>From the derivatives by the sums to those by the features. Kept tiles are used up.</summary>
    public void Differentiate(SumLeaves anchorSums, SumLeaves? candidateSums, FeatureGradients gradients)
    {
        var forward = pairs.Gradient(0, anchorSums);
        var backward = candidateSums is null ? null : pairs.Gradient(0, candidateSums);
        foreach (var block in plan.AllTiles)
        {
            using var scope = NewDisposeScope();
            if (_kept.Remove(block, out var logits)) logits.MoveToOtherDisposeScope(scope);
            else pairs.Mark(logits = Logits(block), block);
            gradients.Add(block, pairs.Differentiate(logits, block, forward, backward), anchors, candidates);
        }
    }

    /// <summary>
    /// One direction in one pass: a row of tiles is summed, <paramref name="differentiate"/> says what follows from its sums, and
    /// it is differentiated before the next one is formed. Three products, whatever the size.
    /// </summary>
    public void Stream(FeatureGradients gradients, Func<PairSums, long, SumLeaves> differentiate)
    {
        foreach (var strip in plan.Strips)
        {
            using var row = NewDisposeScope();
            var sums = new TiledSums(strip.First, strip.Count, anchors, pairs.Exponents);
            var tiles = new List<(PairBlock Block, Tensor Logits)>();
            foreach (var block in plan.Tiles(strip))
            {
                using var scope = NewDisposeScope();
                var logits = Logits(block);
                pairs.Sum(logits, block, sums, null);
                tiles.Add((block, logits.MoveToOuterDisposeScope()));
            }

            var gradient = pairs.Gradient(strip.First, differentiate(sums.ToSums(), strip.First));
            foreach (var (block, logits) in tiles)
            {
                using var scope = NewDisposeScope();
                logits.MoveToOtherDisposeScope(scope);
                gradients.Add(block, pairs.Differentiate(logits, block, gradient, null), anchors, candidates);
            }
        }
    }

    private SumAccumulator Sums(long origin, long count)
        => plan.IsWhole ? new WholeSums(count, anchors, pairs.Exponents) : new TiledSums(origin, count, anchors, pairs.Exponents);

    private Tensor Logits(PairBlock block)
    {
        var logits = block.AnchorsOf(anchors).matmul(block.CandidatesOf(candidates).t());
        pairs.Map.AddBias(logits, block);
        return logits;
    }
}
