using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What the pairs of a tile are to each other, and what that makes of its similarities: sums of exponentials on the way in,
/// derivatives on the way out. A pair enters the sum over the positives or that over the negatives, or is
/// excluded; one of the numerator has a linear term as well.
/// </summary>
internal interface ITilePairs
{
    /// <summary>How many tiles of memory it needs beside the one at hand.</summary>
    int Scratch { get; }

    /// <summary>The sums of one direction, empty.</summary>
    /// <param name="dimension">The dimension of a tile that is summed over.</param>
    /// <param name="like">Features whose device and dtype the sums have.</param>
    /// <param name="isOne">Whether the matrix is one tile.</param>
    DirectionTotals Totals(int dimension, Tensor like, bool isOne);

    /// <summary>Adds the sums of a tile of similarities, and leaves the tile masked.</summary>
    void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates);

    /// <summary>Does to a tile that is computed anew what <see cref="Sum"/> did to it.</summary>
    void Mask(Tensor tile, PairBlock block);

    /// <summary>Turns a masked tile into ∂L/∂s, in place.</summary>
    void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates);

    /// <summary>The sums of one direction, from all of its tiles.</summary>
    PairSums ToSums(DirectionTotals totals);

    /// <summary>The derivatives by totals, from those by the sums made of them.</summary>
    TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives);
}

/// <summary>The totals of one direction, and the derivatives by them.</summary>
/// <param name="Totals">The totals.</param>
/// <param name="Positives">∂L/∂ Σ_positives exp(s - r), (n); null for none.</param>
/// <param name="Negatives">∂L/∂ Σ_negatives exp(s - r), (n).</param>
/// <param name="Numerator">∂L/∂ Σ_numerator s, (n); null for none.</param>
/// <param name="Hardness">∂L/∂ Σ_negatives exp(β s - r), (n); null where negatives have no weights.</param>
internal sealed record TileDerivatives(
    DirectionTotals Totals, Tensor? Positives, Tensor Negatives, Tensor? Numerator, Tensor? Hardness = null)
{
    /// <summary>∂L/∂s of a tile's linear terms, in the memory given; null where the loss does not depend on them.</summary>
    public Tensor? Linear(PairBlock block, Tensor others, Tensor scratch)
        => Numerator is null ? null : scratch.copy_(Totals.Broadcast(Numerator, block)).masked_fill_(others, Scalars.Zero);
}

/// <summary>
/// The fast form, without masks: positives and excluded pairs lie on a few diagonals (pair (i, j) is on diagonal j - i), but for a
/// few excluded ones, and all other pairs are negatives. An anchor has at most one positive, and so has a candidate.
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="pattern">Their diagonals.</param>
/// <param name="exponents">How masked tiles hold exponentials; null where they hold similarities.</param>
internal sealed class DiagonalTiles(PairMap map, DiagonalPattern pattern, Exponents? exponents) : ITilePairs
{
    // By the dimension that is summed over.
    private readonly Side?[] _sides = new Side?[2];

    public int Scratch => 1;

    public DirectionTotals Totals(int dimension, Tensor like, bool isOne)
        => new(dimension, dimension == 1 ? map.AnchorCount : map.CandidateCount, like, exponents, isOne);

    public void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates)
    {
        if (anchors.Numerator is null) SetNumerators(tile, anchors, candidates);
        else AddNumerators(tile, block, anchors, candidates);
        Mask(tile, block);
        anchors.Negatives.Add(tile, block, scratch[0]);
        candidates?.Negatives.Add(tile, block, scratch[0]);
    }

    /// <summary>The positives of a matrix that is one tile: its diagonal, where that is all of them.</summary>
    private void SetNumerators(Tensor tile, DirectionTotals anchors, DirectionTotals? candidates)
    {
        var whole = new PairBlock(0, map.AnchorCount, 0, map.CandidateCount);
        if (pattern.Positives is [0] && whole.Anchors == whole.Candidates)
        {
            anchors.Set(tile.diagonal(0, 0, 1).clone());
            candidates?.Share(anchors);
            return;
        }
        anchors.Set(zeros(whole.Anchors, dtype: tile.dtype, device: tile.device));
        candidates?.Set(zeros(whole.Candidates, dtype: tile.dtype, device: tile.device));
        AddNumerators(tile, whole, anchors, candidates);
    }

    private void AddNumerators(Tensor tile, PairBlock block, DirectionTotals anchors, DirectionTotals? candidates)
    {
        foreach (var segment in DiagonalSegment.Of(pattern.Positives, block))
        {
            var positive = tile.diagonal(segment.Offset, 0, 1);
            PairBlock.Run(anchors.Numerator, block.FirstAnchor + segment.Row, segment.Count).copy_(positive);
            if (candidates is not null) PairBlock.Run(candidates.Numerator, block.FirstCandidate + segment.Column, segment.Count).copy_(positive);
        }
    }

    public void Mask(Tensor tile, PairBlock block)
    {
        pattern.Mask_(tile, block);
        exponents?.Apply_(tile);
    }

    public void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates)
    {
        if (exponents is not null && candidates is not null)
        {
            var factors = scratch[0].copy_(Broadcast(anchors, anchors.Negatives)).add_(Broadcast(candidates, candidates.Negatives), Scalars.One);
            tile.mul_(factors);
        }
        else
        {
            // Of the candidates first, because that of the anchors takes the tile's place.
            var other = candidates is null ? null : Weights(candidates, scratch[0]);
            Weights(anchors, tile);
            if (other is not null) tile.add_(other, Scalars.One);
        }

        foreach (var segment in DiagonalSegment.Of(pattern.Positives, block))
        {
            var diagonal = tile.diagonal(segment.Offset, 0, 1);
            diagonal.copy_(PairBlock.Run(anchors.Numerator!, block.FirstAnchor + segment.Row, segment.Count));
            if (candidates is not null)
                diagonal.add_(PairBlock.Run(candidates.Numerator!, block.FirstCandidate + segment.Column, segment.Count), Scalars.One);
        }

        Tensor Broadcast(TileDerivatives direction, Tensor values) => direction.Totals.Broadcast(values, block);

        Tensor Weights(TileDerivatives direction, Tensor memory)
            => direction.Totals.Negatives.Exponentials(tile, block, memory).mul_(Broadcast(direction, direction.Negatives));
    }

    public PairSums ToSums(DirectionTotals totals)
    {
        var (oriented, whole, isSinglePositive) = SideOf(totals);
        PairCounts Count() => oriented.Count(whole, totals.Numerator);

        var (positive, reference) = (totals.Numerator, totals.Negatives.Unit);
        // Where there is no other candidate, the positive is the largest.
        if (reference is not null && exponents is null) reference = reference.where(totals.Negatives.Total.ne(Scalars.Zero), positive);
        if (reference is not null) positive = positive.sub(reference);
        var logNegatives = totals.Negatives.Log(reference);
        if (isSinglePositive) return new PairSums(positive, logNegatives, positive, reference, isSinglePositive, Count);

        var none = oriented.Count(whole, positive).Positives.eq(Scalars.Zero);
        return new PairSums(
            positive.masked_fill(none, Scalars.NegativeInfinity), logNegatives, positive.masked_fill(none, Scalars.Zero), reference, isSinglePositive, Count);
    }

    public TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives)
    {
        // The only positive is its whole sum, so both derivatives are by its similarity.
        var (inLog, inNumerator) = (derivatives.LogPositives, derivatives.ByPositiveLogits);
        var both = inLog is null || inNumerator is null ? inLog ?? inNumerator ?? zeros_like(totals.Numerator) : inLog.Plus(inNumerator);
        return new TileDerivatives(totals, null, totals.Negatives.ByTotal(derivatives.LogNegatives, SideOf(totals).IsSinglePositive), both);
    }

    private Side SideOf(DirectionTotals totals)
    {
        if (_sides[totals.Dimension] is { } known) return known;
        var whole = new PairBlock(0, map.AnchorCount, 0, map.CandidateCount);
        var (oriented, seen) = totals.Dimension == 1 ? (pattern, whole) : (pattern.Transpose(), whole.Transpose());
        var side = new Side(oriented, seen, oriented.IsSinglePositive(seen));
        _sides[totals.Dimension] = side;
        return side;
    }

    /// <summary>The pairs as a direction's anchors see them.</summary>
    private readonly record struct Side(DiagonalPattern Pattern, PairBlock Whole, bool IsSinglePositive);
}
