using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What the pairs of a tile are to each other, and what that makes of its similarities: sums of exponentials on the way in,
/// derivatives on the way out. A pair is known or sampled (and enters one of an anchor's two sums), or excluded; a positive
/// one has a linear term as well.
/// </summary>
internal interface ITilePairs
{
    /// <summary>How many tiles of memory it needs beside the one at hand.</summary>
    int Scratch { get; }

    /// <summary>The sums of one direction, empty.</summary>
    /// <param name="dimension">The dimension of a tile that is summed over.</param>
    /// <param name="like">Features whose device and dtype the sums have.</param>
    DirectionTotals Totals(int dimension, Tensor like);

    /// <summary>Adds the sums of a tile of similarities, and leaves the tile marked.</summary>
    void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates);

    /// <summary>Does to a tile that is computed anew what <see cref="Sum"/> did to it.</summary>
    void Mark(Tensor tile, PairBlock block);

    /// <summary>Turns a marked tile into ∂L/∂s, in place.</summary>
    void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates);

    /// <summary>The sums of one direction, from all of its tiles.</summary>
    PairSums ToSums(DirectionTotals totals);

    /// <summary>The derivatives by totals, from those by the sums made of them.</summary>
    TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives);
}

/// <summary>The totals of one direction, and the derivatives by them.</summary>
/// <param name="Totals">The totals.</param>
/// <param name="Known">∂L/∂ Σ_known exp(s - r), (n); null for none.</param>
/// <param name="Sampled">∂L/∂ Σ_sampled exp(s - r), (n).</param>
/// <param name="Positive">∂L/∂ Σ_positive s, (n); null for none.</param>
internal sealed record TileDerivatives(DirectionTotals Totals, Tensor? Known, Tensor Sampled, Tensor? Positive);

/// <summary>
/// The fast form, without masks: positives and excluded pairs lie on a few diagonals (pair (i, j) is on diagonal j - i), and all
/// other pairs are negatives. An anchor has at most one positive, which is known, and so has a candidate.
/// </summary>
/// <param name="map">The pairs.</param>
/// <param name="pattern">Their diagonals.</param>
/// <param name="exponents">How marked tiles hold exponentials; null where they hold similarities.</param>
internal sealed class DiagonalTiles(PairMap map, DiagonalPattern pattern, Exponents? exponents) : ITilePairs
{
    public int Scratch => 1;

    public DirectionTotals Totals(int dimension, Tensor like)
        => new(dimension, dimension == 1 ? map.AnchorCount : map.CandidateCount, like, exponents);

    public void Sum(Tensor tile, PairBlock block, Tensor[] scratch, DirectionTotals anchors, DirectionTotals? candidates)
    {
        foreach (var segment in DiagonalSegment.Of(pattern.Positives, block))
        {
            var positive = tile.diagonal(segment.Offset, 0, 1);
            anchors.Positive.narrow(0, block.FirstAnchor + segment.Row, segment.Count).copy_(positive);
            candidates?.Positive.narrow(0, block.FirstCandidate + segment.Column, segment.Count).copy_(positive);
        }
        Mark(tile, block);
        anchors.Sampled.Add(tile, block, scratch[0]);
        candidates?.Sampled.Add(tile, block, scratch[0]);
    }

    public void Mark(Tensor tile, PairBlock block)
    {
        foreach (var segment in DiagonalSegment.Of([.. pattern.Positives, .. pattern.Excluded], block))
            tile.diagonal(segment.Offset, 0, 1).fill_(Scalars.NegativeInfinity);
        exponents?.Apply_(tile);
    }

    public void Differentiate(
        Tensor tile, PairBlock block, Tensor[] scratch, TileDerivatives anchors, TileDerivatives? candidates)
    {
        if (exponents is not null && candidates is not null)
        {
            var factors = scratch[0].copy_(Along(anchors, anchors.Sampled)).add_(Along(candidates, candidates.Sampled), Scalars.One);
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
            diagonal.copy_(anchors.Positive!.narrow(0, block.FirstAnchor + segment.Row, segment.Count));
            if (candidates is not null)
                diagonal.add_(candidates.Positive!.narrow(0, block.FirstCandidate + segment.Column, segment.Count), Scalars.One);
        }

        Tensor Along(TileDerivatives direction, Tensor values) => direction.Totals.Along(values, block);

        Tensor Weights(TileDerivatives direction, Tensor memory)
            => direction.Totals.Sampled.Exponentials(tile, block, memory).mul_(Along(direction, direction.Sampled));
    }

    public PairSums ToSums(DirectionTotals totals)
    {
        var oriented = totals.Dimension == 1 ? pattern : pattern.Transpose();
        var whole = totals.Dimension == 1
            ? new PairBlock(0, map.AnchorCount, 0, map.CandidateCount)
            : new PairBlock(0, map.CandidateCount, 0, map.AnchorCount);
        var isPlain = oriented.IsPlain(whole);
        PairCounts Count() => oriented.Count(whole, totals.Positive);

        var (positive, reference) = (totals.Positive, totals.Sampled.Unit);
        // Where there is no other candidate, the positive is the largest.
        if (reference is not null && exponents is null) reference = reference.where(totals.Sampled.Total.ne(Scalars.Zero), positive);
        if (reference is not null) positive = positive.sub(reference);
        var logSampled = totals.Sampled.Log(reference);
        if (isPlain) return new PairSums(positive, logSampled, positive, reference, isPlain, Count);

        var none = oriented.Count(whole, positive).Positive.eq(Scalars.Zero);
        return new PairSums(
            positive.masked_fill(none, Scalars.NegativeInfinity), logSampled, positive.masked_fill(none, Scalars.Zero), reference, isPlain, Count);
    }

    public TileDerivatives ToTotals(DirectionTotals totals, SumDerivatives derivatives)
    {
        // The positive is the whole known sum, so both derivatives are by its similarity.
        var (known, positive) = (derivatives.Known, derivatives.Positive);
        var both = known is null || positive is null ? known ?? positive ?? zeros_like(totals.Positive) : known.Plus(positive);
        return new TileDerivatives(totals, null, totals.Sampled.ByTotal(derivatives.Sampled), both);
    }
}
