using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The general form: any positives, exclusions and sample ids, a tile's masks at a time. Negatives may be weighted by exp(β s),
/// normalised to mean 1 over an anchor's: what stands for their sum is log( M Σ exp((1 + β) s) / Σ exp(β s) ), two sums of each tile.
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="sampling">How the positives came into the batch; complete where negatives have weights.</param>
/// <param name="exponents">How masked tiles hold exponentials; null where they hold similarities, as they do where negatives have weights.</param>
/// <param name="beta">β; null where all negatives count alike.</param>
internal sealed class MaskedTiles(PairMap map, PositiveSampling sampling, Exponents? exponents, double? beta = null) : ITilePairs
{
    public int Scratch => 2;

    public DirectionTotals Totals(int dimension, Tensor like, bool isOne) => new(
        dimension,
        dimension == 1 ? map.AnchorCount : map.CandidateCount,
        like,
        exponents,
        isOne,
        counted: true,
        numeratorUnit: sampling == PositiveSampling.Sampled,
        hardness: beta is not null);

    public void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates)
    {
        var masks = map.Masks(block, sampling, tile.device);
        DirectionTotals[] directions = candidates is null ? [anchors] : [anchors, candidates];
        var (notPositive, notNegative, notInNumerator)
            = (masks.Positives.logical_not(), masks.Negatives.logical_not(), masks.Numerator.logical_not());
        if (exponents is not null)
        {
            // The linear terms are of the similarities, which are about to go.
            var terms = Only(notInNumerator, Scalars.Zero);
            foreach (var direction in directions) direction.Add(direction.Numerator, block, terms);
        }
        Mask(tile, block);
        foreach (var direction in directions)
        {
            var none = exponents is null ? Scalars.NegativeInfinity : Scalars.Zero;
            var change = direction.Positives.Add(Only(notPositive, none), block, scratch[1]);
            if (beta is { } hardness)
            {
                direction.Negatives.Add(Scaled(tile, 1 + hardness, notNegative, scratch[0]), block, scratch[1]);
                direction.Hardness.Add(Scaled(tile, hardness, notNegative, scratch[0]), block, scratch[1]);
            }
            else
            {
                direction.Negatives.Add(Only(notNegative, none), block, scratch[1]);
            }
            if (exponents is null)
            {
                if (sampling == PositiveSampling.Sampled) change = direction.NumeratorUnit.Add(Only(notInNumerator, none), block, scratch[1]);
                direction.AddNumerator(tile, block, NumeratorUnit(direction), change!, notInNumerator, scratch[0]);
            }
            direction.Count(masks, block, scratch[0]);
        }

        Tensor Only(Tensor others, Scalar none) => scratch[0].copy_(tile).masked_fill_(others, none);
    }

    // Sum and Differentiate apply the masks themselves.
    public void Mask(Tensor tile, PairBlock block) => exponents?.Apply_(tile);

    public void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates)
    {
        var masks = map.Masks(block, sampling, tile.device);
        var (notPositive, notNegative) = (masks.Positives.logical_not(), masks.Negatives.logical_not());
        TileDerivatives[] directions = candidates is null ? [anchors] : [anchors, candidates];
        var weights = scratch[1].zero_();
        foreach (var direction in directions)
        {
            if (direction.Positives is not null) Add(direction, direction.Totals.Positives, direction.Positives, notPositive);
            Add(direction, direction.Totals.Negatives, direction.Negatives, notNegative, 1 + (beta ?? 0));
            if (beta > 0) Add(direction, direction.Totals.Hardness, direction.Hardness!, notNegative, beta.Value);
        }
        if (exponents is null) tile.copy_(weights);
        else tile.mul_(weights);

        var notInNumerator = masks.Numerator.logical_not();
        foreach (var direction in directions)
        {
            if (direction.Linear(block, notInNumerator, scratch[0]) is { } linear) tile.add_(linear, Scalars.One);
        }

        // c ∂L/∂Σ exp(c s) · exp(c s); where tiles hold exponentials their factors are added up first.
        void Add(TileDerivatives direction, ExponentialTotal total, Tensor byTotal, Tensor others, double factor = 1)
        {
            var factors = direction.Totals.Broadcast(factor == 1 ? byTotal : byTotal.Times(factor), block);
            var part = exponents is not null ? scratch[0].copy_(factors)
                : total.Exponentials(factor == 1 ? tile : Scaled(tile, factor, others, scratch[0]), block, scratch[0]).mul_(factors);
            weights.add_(part.masked_fill_(others, Scalars.Zero), Scalars.One);
        }
    }

    public PairSums ToSums(DirectionTotals totals)
    {
        // Of weighted negatives the two sums' units differ by a similarity, the largest.
        var unit = beta is null ? totals.Negatives.Unit : totals.Negatives.Unit!.sub(totals.Hardness.Unit!);
        // Of two sums, each in its own unit, the reference is the larger unit.
        var reference = totals.Positives.Unit is { } ofPositives ? ofPositives.maximum(unit!) : null;
        var numerator = reference is null ? totals.Numerator
            : totals.NumeratorRelativeTo(exponents is null ? NumeratorUnit(totals).Unit : null, reference);
        var logNegatives = beta is null ? totals.Negatives.Log(reference)
            : totals.Negatives.Total.log().sub(totals.Hardness.Total.log()).Plus(totals.Counts.Negatives.log())
                .Plus(unit!.sub(reference!)).masked_fill(totals.Counts.Negatives.eq(Scalars.Zero), Scalars.NegativeInfinity);
        return new PairSums(totals.Positives.Log(reference), logNegatives, numerator, reference, isSinglePositive: false, () => totals.Counts);
    }

    /// <summary>The sum whose unit the linear terms are relative to, where tiles hold similarities.</summary>
    private ExponentialTotal NumeratorUnit(DirectionTotals totals)
        => sampling == PositiveSampling.Complete ? totals.Positives : totals.NumeratorUnit;

    public TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives) => new(
        totals,
        derivatives.LogPositives is null ? null : totals.Positives.ByTotal(derivatives.LogPositives),
        totals.Negatives.ByTotal(derivatives.LogNegatives),
        derivatives.ByPositiveLogits,
        beta is null ? null : totals.Hardness.ByTotal(derivatives.LogNegatives).neg());

    /// <summary>c s of the pairs that count, -∞ of the others, in the memory given. Without weights (c = 0) it is 0 of any s.</summary>
    private static Tensor Scaled(Tensor tile, double factor, Tensor others, Tensor memory)
    {
        using var scale = factor.ToScalar();
        var scaled = factor == 0 ? memory.zero_() : memory.copy_(tile).mul_(scale);
        return scaled.masked_fill_(others, Scalars.NegativeInfinity);
    }
}
