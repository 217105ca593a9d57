using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The general form: any positives, exclusions and sample ids, a tile's masks at a time.</summary>
/// <param name="map">The pairs.</param>
/// <param name="sampling">How the positives came into the batch.</param>
/// <param name="exponents">How marked tiles hold exponentials; null where they hold similarities.</param>
internal sealed class MaskedTiles(PairMap map, PositiveSampling sampling, Exponents? exponents) : ITilePairs
{
    public int Scratch => 2;

    public DirectionTotals Totals(int dimension, Tensor like) => new(
        dimension,
        dimension == 1 ? map.AnchorCount : map.CandidateCount,
        like,
        exponents,
        known: true,
        positives: sampling == PositiveSampling.Sampled);

    public void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates)
    {
        var masks = map.Masks(block, sampling, tile.device);
        DirectionTotals[] directions = candidates is null ? [anchors] : [anchors, candidates];
        var (known, sampled, positive) = (masks.Known.logical_not(), masks.Sampled.logical_not(), masks.Positive.logical_not());
        if (exponents is not null)
        {
            // The linear terms are of the similarities, which are about to go.
            var terms = Only(positive, Scalars.Zero);
            foreach (var direction in directions) direction.Add(direction.Positive, block, terms);
        }
        Mark(tile, block);
        foreach (var direction in directions)
        {
            var none = exponents is null ? Scalars.NegativeInfinity : Scalars.Zero;
            var change = direction.Known.Add(Only(known, none), block, scratch[1]);
            direction.Sampled.Add(Only(sampled, none), block, scratch[1]);
            if (exponents is null)
            {
                if (sampling == PositiveSampling.Sampled) change = direction.Positives.Add(Only(positive, none), block, scratch[1]);
                direction.Part(direction.Positive, block).addcmul_(direction.Part(direction.Counts.Positive, block), change!, Scalars.One);
                var unit = direction.Along(UnitOfPositives(direction)!, block);
                direction.Add(direction.Positive, block, scratch[0].copy_(tile).sub_(unit).masked_fill_(positive, Scalars.Zero));
            }
            direction.Add(direction.Counts.Known, block, masks.Known);
            direction.Add(direction.Counts.Sampled, block, masks.Sampled);
            direction.Add(direction.Counts.Positive, block, masks.Positive);
        }

        Tensor Only(Tensor others, Scalar none) => scratch[0].copy_(tile).masked_fill_(others, none);
    }

    // What is excluded is left out by the masks, every time.
    public void Mark(Tensor tile, PairBlock block) => exponents?.Apply_(tile);

    public void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates)
    {
        var masks = map.Masks(block, sampling, tile.device);
        var (known, sampled) = (masks.Known.logical_not(), masks.Sampled.logical_not());
        TileDerivatives[] directions = candidates is null ? [anchors] : [anchors, candidates];
        var weights = scratch[1].zero_();
        foreach (var direction in directions)
        {
            if (direction.Known is not null) Add(direction, direction.Totals.Known, direction.Known, known);
            Add(direction, direction.Totals.Sampled, direction.Sampled, sampled);
        }
        if (exponents is null) tile.copy_(weights);
        else tile.mul_(weights);

        var notPositive = masks.Positive.logical_not();
        foreach (var direction in directions)
        {
            if (direction.Positive is null) continue;
            var linear = scratch[0].copy_(direction.Totals.Along(direction.Positive, block)).masked_fill_(notPositive, Scalars.Zero);
            tile.add_(linear, Scalars.One);
        }

        // ∂L/∂Σ exp(s) · exp(s); where tiles hold exponentials their factors are added up first.
        void Add(TileDerivatives direction, ExponentialTotal total, Tensor byTotal, Tensor others)
        {
            var factors = direction.Totals.Along(byTotal, block);
            var part = exponents is null ? total.Exponentials(tile, block, scratch[0]).mul_(factors) : scratch[0].copy_(factors);
            weights.add_(part.masked_fill_(others, Scalars.Zero), Scalars.One);
        }
    }

    public PairSums ToSums(DirectionTotals totals)
    {
        // Of two sums, each in its own unit, the reference is the larger unit.
        var reference = totals.Known.Unit is { } unit ? unit.maximum(totals.Sampled.Unit!) : null;
        var counts = totals.Counts;
        var positive = totals.Positive;
        if (reference is not null)
        {
            // Σ (s - unit) + k (unit - r), and nothing where there is none.
            var shift = UnitOfPositives(totals) is { } own ? own.sub(reference) : reference.neg();
            positive = positive.Plus(shift.mul(counts.Positive).masked_fill(counts.Positive.eq(Scalars.Zero), Scalars.Zero));
        }
        return new PairSums(totals.Known.Log(reference), totals.Sampled.Log(reference), positive, reference, isPlain: false, () => counts);
    }

    /// <summary>What the linear terms are relative to.</summary>
    private Tensor? UnitOfPositives(DirectionTotals totals)
        => exponents is not null ? null : (sampling == PositiveSampling.Complete ? totals.Known : totals.Positives).Unit;

    public TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives) => new(
        totals,
        derivatives.Known is null ? null : totals.Known.ByTotal(derivatives.Known),
        totals.Sampled.ByTotal(derivatives.Sampled),
        derivatives.Positive);
}
