using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Negatives weighted by exp(β s), normalised to mean 1 over an anchor's: what stands for their sum is
/// log( M Σ exp((1 + β) s) / Σ exp(β s) ), two sums of each tile. Any positives and exclusions, a tile's masks at a time.
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="beta">β.</param>
internal sealed class HardNegativeTiles(PairMap map, double beta) : ITilePairs
{
    public int Scratch => 2;

    public DirectionTotals Totals(int dimension, Tensor like, bool isOne) => new(
        dimension, dimension == 1 ? map.AnchorCount : map.CandidateCount, like, exponents: null, isOne, counted: true, hardness: true);

    public void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates)
    {
        var masks = map.Masks(block, PositiveSampling.Complete, tile.device);
        var (notPositive, notNegative) = (masks.Positives.logical_not(), masks.Negatives.logical_not());
        DirectionTotals[] directions = candidates is null ? [anchors] : [anchors, candidates];
        foreach (var direction in directions)
        {
            direction.Negatives.Add(Scaled(tile, 1 + beta, notNegative, scratch[0]), block, scratch[1]);
            direction.Hardness.Add(Scaled(tile, beta, notNegative, scratch[0]), block, scratch[1]);

            var change = direction.Positives.Add(scratch[0].copy_(tile).masked_fill_(notPositive, Scalars.NegativeInfinity), block, scratch[1]);
            direction.AddNumerator(tile, block, direction.Positives, change!, notPositive, scratch[0]);
            direction.Count(masks, block, scratch[0]);
        }
    }

    // Sum and Differentiate apply the masks themselves.
    public void Mask(Tensor tile, PairBlock block)
    {
    }

    public void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates)
    {
        var masks = map.Masks(block, PositiveSampling.Complete, tile.device);
        var (notPositive, notNegative) = (masks.Positives.logical_not(), masks.Negatives.logical_not());
        TileDerivatives[] directions = candidates is null ? [anchors] : [anchors, candidates];
        var weights = scratch[1].zero_();
        foreach (var direction in directions)
        {
            Add(direction, direction.Totals.Negatives, direction.Negatives, 1 + beta, notNegative);
            if (beta > 0) Add(direction, direction.Totals.Hardness, direction.Hardness!, beta, notNegative);
            if (direction.Positives is not null) Add(direction, direction.Totals.Positives, direction.Positives, 1, notPositive);
            if (direction.Linear(block, notPositive, scratch[0]) is { } linear) weights.add_(linear, Scalars.One);
        }
        tile.copy_(weights);

        // c ∂L/∂Σ exp(c s) · exp(c s).
        void Add(TileDerivatives direction, ExponentialTotal total, Tensor byTotal, double factor, Tensor others)
        {
            var exponentials = total.Exponentials(Scaled(tile, factor, others, scratch[0]), block, scratch[0]);
            weights.add_(exponentials.mul_(direction.Totals.Broadcast(byTotal.Times(factor), block)).masked_fill_(others, Scalars.Zero), Scalars.One);
        }
    }

    public PairSums ToSums(DirectionTotals totals)
    {
        // The two sums' units differ by a similarity, the largest.
        var largest = totals.Negatives.Unit!.sub(totals.Hardness.Unit!);
        var reference = totals.Positives.Unit!.maximum(largest);
        var counts = totals.Counts;
        var none = counts.Negatives.eq(Scalars.Zero);
        var logNegatives = totals.Negatives.Total.log().sub(totals.Hardness.Total.log()).Plus(counts.Negatives.log())
            .Plus(largest.sub(reference)).masked_fill(none, Scalars.NegativeInfinity);
        return new PairSums(
            totals.Positives.Log(reference),
            logNegatives,
            totals.NumeratorRelativeTo(totals.Positives.Unit, reference),
            reference,
            isSinglePositive: false,
            () => counts);
    }

    public TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives) => new(
        totals,
        derivatives.LogPositives is null ? null : totals.Positives.ByTotal(derivatives.LogPositives),
        totals.Negatives.ByTotal(derivatives.LogNegatives),
        derivatives.ByPositiveLogits,
        totals.Hardness.ByTotal(derivatives.LogNegatives).neg());

    /// <summary>c s of the pairs that count, -∞ of the others, in the memory given. Without weights (c = 0) it is 0 of any s.</summary>
    private static Tensor Scaled(Tensor tile, double factor, Tensor others, Tensor memory)
    {
        using var scale = factor.ToScalar();
        var scaled = factor == 0 ? memory.zero_() : memory.copy_(tile).mul_(scale);
        return scaled.masked_fill_(others, Scalars.NegativeInfinity);
    }
}
