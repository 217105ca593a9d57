using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// A matrix of similarities gone through in tiles, once for the sums and once for the derivatives. It is never there as a whole,
/// unless it fits into the budget. No graph.
/// </summary>
/// <param name="anchors">(N, D), with the scale 1/τ in them.</param>
/// <param name="candidates">(M, D), without.</param>
/// <param name="map">The pairs.</param>
/// <param name="pairs">What they make of a tile.</param>
/// <param name="plan">The tiles.</param>
/// <param name="memory">Where they are computed; given back by whoever made it.</param>
/// <param name="isSelf">
/// Whether both sides are one set and the matrix is its own transpose. Then a tile above the diagonal is the one below it as well, which
/// saves half of the products, and what is pulled back is of the anchors alone: (W + Wᵀ) B.
/// </param>
internal sealed class TiledMatrix(
    Tensor anchors, Tensor candidates, PairMap map, ITilePairs pairs, TilePlan plan, TileMemory memory, bool isSelf = false)
{
    // The kept tiles, in order, then the tile at hand and the scratch beside it.
    private readonly long _kept = Kept(plan);
    private DirectionTotals? _anchorTotals;
    private DirectionTotals? _candidateTotals;

    /// <summary>How many tiles of memory it takes.</summary>
    public static long Tiles(TilePlan plan, ITilePairs pairs) => Kept(plan) + 1 + pairs.Scratch;

    /// <summary>
    /// The sums of every anchor and, if asked, of every candidate. Null where exponentials underflow, so that logarithms are
    /// needed.
    /// </summary>
    public (PairSums Anchors, PairSums? Candidates)? Sum(bool bothDirections)
    {
        _anchorTotals = pairs.Totals(1, anchors, plan.Count == 1);
        // A matrix of one tile that is its own transpose has it for both halves.
        if (isSelf) _candidateTotals = plan.Count > 1 ? _anchorTotals.Transpose() : null;
        else _candidateTotals = bothDirections ? pairs.Totals(0, anchors, plan.Count == 1) : null;
        var index = 0L;
        foreach (var block in plan.Tiles)
        {
            using var scope = NewDisposeScope();
            var tile = memory.Tile(Math.Min(index++, _kept), block);
            tile.addmm_(block.AnchorsOf(anchors), block.CandidatesOf(candidates).t(), beta: 0, alpha: 1);
            map.AddBias(tile, block);
            pairs.Sum(tile, block, Scratch(block), _anchorTotals, IsMirror(block) ? null : _candidateTotals);
        }
        if (!_anchorTotals.Negatives.Underflows && _candidateTotals is not { Negatives.Underflows: true })
        {
            var sums = pairs.ToSums(_anchorTotals);
            return (sums, !bothDirections ? null : isSelf ? sums : pairs.ToSums(_candidateTotals!));
        }
        return null;
    }

    /// <summary>Adds the gradients by the features, given the derivatives by the sums. Tiles that were kept are used up.</summary>
    /// <param name="byAnchorSums">The derivatives by the anchors' sums.</param>
    /// <param name="byCandidateSums">Those by the candidates'.</param>
    /// <param name="byAnchors">(N, D), added to; null where it is not wanted.</param>
    /// <param name="byCandidates">(M, D), likewise.</param>
    public void PullBack(SumDerivatives byAnchorSums, SumDerivatives? byCandidateSums, Tensor? byAnchors, Tensor? byCandidates)
    {
        using var constant = no_grad();
        using var all = NewDisposeScope();
        var forward = pairs.ToTotals(_anchorTotals!, isSelf && byCandidateSums is { } same ? byAnchorSums.Plus(same) : byAnchorSums);
        var backward = isSelf ? forward with { Totals = _anchorTotals!.Transpose() }
            : byCandidateSums is { } given ? pairs.ToTotals(_candidateTotals!, given)
            : null;
        var index = 0L;
        foreach (var block in plan.Tiles)
        {
            using var scope = NewDisposeScope();
            var tile = memory.Tile(Math.Min(index, _kept), block);
            if (index++ >= _kept)
            {
                tile.addmm_(block.AnchorsOf(anchors), block.CandidatesOf(candidates).t(), beta: 0, alpha: 1);
                map.AddBias(tile, block);
                pairs.Mask(tile, block);
            }
            var scratch = Scratch(block);
            var isMirror = IsMirror(block);
            pairs.Differentiate(tile, block, scratch, forward, isMirror ? null : backward);
            if (isMirror) tile.add_(scratch[0].copy_(tile.t()), Scalars.One);
            if (byAnchors is not null) block.AnchorsOf(byAnchors).addmm_(tile, block.CandidatesOf(candidates));
            if (isSelf && !isMirror) block.CandidatesOf(byAnchors!).addmm_(tile.t(), block.AnchorsOf(candidates));
            if (byCandidates is not null) block.CandidatesOf(byCandidates).addmm_(tile.t(), block.AnchorsOf(anchors));
        }
    }

    private static long Kept(TilePlan plan) => Math.Min(plan.KeptTiles, plan.Count);

    /// <summary>Whether a tile of a set with itself lies on the diagonal: it has both halves in it.</summary>
    private bool IsMirror(PairBlock block) => isSelf && block.FirstAnchor == block.FirstCandidate;

    private Tensor[] Scratch(PairBlock block)
    {
        var scratch = new Tensor[pairs.Scratch];
        for (var i = 0; i < scratch.Length; i++) scratch[i] = memory.Tile(_kept + 1 + i, block);
        return scratch;
    }
}
