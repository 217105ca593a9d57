using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Every pair that is not excluded is in the denominator, whose sum stands in the negatives' place, and weighs in the numerator as the
/// targets say. A tile's masks at a time.
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="targets">What each pair weighs.</param>
internal sealed class TargetTiles(PairMap map, TargetRows targets) : ITilePairs
{
    public int Scratch => 2;

    public DirectionTotals Totals(int dimension, Tensor like, bool isOne)
        => new(dimension, dimension == 1 ? map.AnchorCount : map.CandidateCount, like, exponents: null, isOne, counted: true);

    public void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates)
    {
        var (masks, notAllowed) = Masks(tile, block);
        tile.masked_fill_(notAllowed, Scalars.NegativeInfinity);
        DirectionTotals[] directions = candidates is null ? [anchors] : [anchors, candidates];
        foreach (var direction in directions)
        {
            var change = direction.Negatives.Add(tile, block, scratch[1]);
            // Σ t (s - unit), which a new unit shifts by what was there.
            direction.Part(direction.Numerator, block).addcmul_(direction.Part(direction.Counts.Numerator, block), change!, Scalars.One);
            var weights = targets.Weights(direction.Dimension, block, masks, notAllowed, scratch[1]);
            direction.Add(direction.Counts.Numerator, block, weights);
            var terms = scratch[0].copy_(tile).sub_(direction.Broadcast(direction.Negatives.Unit!, block));
            // A similarity of -∞ that weighs nothing is nothing.
            direction.Add(direction.Numerator, block, terms.masked_fill_(weights.eq(Scalars.Zero), Scalars.Zero).mul_(weights));
        }
    }

    public void Mask(Tensor tile, PairBlock block) => tile.masked_fill_(Masks(tile, block).NotAllowed, Scalars.NegativeInfinity);

    public void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates)
    {
        var (masks, notAllowed) = Masks(tile, block);
        TileDerivatives[] directions = candidates is null ? [anchors] : [anchors, candidates];
        var derivatives = scratch[1].zero_();
        foreach (var direction in directions)
        {
            var totals = direction.Totals;
            derivatives.add_(
                totals.Negatives.Exponentials(tile, block, scratch[0]).mul_(totals.Broadcast(direction.Negatives, block)), Scalars.One);
            var weights = targets.Weights(totals.Dimension, block, masks, notAllowed, scratch[0]);
            derivatives.add_(weights.mul_(totals.Broadcast(direction.Numerator!, block)), Scalars.One);
        }
        tile.copy_(derivatives);
    }

    public PairSums ToSums(DirectionTotals totals)
    {
        var reference = totals.Negatives.Unit!;
        var counts = targets.Direction(totals.Dimension).Counts with { Numerator = totals.Counts.Numerator };
        var logAll = totals.Negatives.Log(reference);
        return new PairSums(logAll, logAll, totals.Numerator, reference, isSinglePositive: false, () => counts);
    }

    public TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives)
        => new(totals, null, totals.Negatives.ByTotal(derivatives.LogNegatives), derivatives.ByPositiveLogits);

    private (PairMasks Masks, Tensor NotAllowed) Masks(Tensor tile, PairBlock block)
    {
        var masks = map.Masks(block, PositiveSampling.Complete, tile.device);
        return (masks, masks.Positives.logical_or(masks.Negatives).logical_not());
    }
}
