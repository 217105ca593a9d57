using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What the pairs of a tile are to each other, and what that makes of its logits: sums of exponentials on the way in,
/// derivatives on the way out. A pair is known or sampled (and enters one of an anchor's two sums), or excluded; a positive
/// one has a linear term as well.
/// </summary>
internal abstract class TilePairs
{
    protected TilePairs(PairMap map, Exponents? exponents) => (Map, Exponents) = (map, exponents);

    public PairMap Map { get; }

    /// <summary>How marked tiles hold exponentials; null where they hold logits.</summary>
    public Exponents? Exponents { get; }

    /// <summary>Every anchor has one positive, which is known, and at least one other candidate: nobody needs to look.</summary>
    public abstract bool IsPlain { get; }

    /// <summary>The same for the candidates as anchors.</summary>
    public abstract bool IsPlainTransposed { get; }

    public static TilePairs Of(PairMap map, PositiveSampling sampling)
        => map.Diagonals(sampling) is { } pattern ? new DiagonalPairs(map, pattern) : new MaskedPairs(map, sampling);

    /// <summary>How many tiles there may be at once: the one at hand, copies of it and temporaries.</summary>
    public abstract int WorkingTiles { get; }

    /// <summary>The same pairs, with tiles held as exponentials if this form can.</summary>
    public abstract TilePairs With(Exponents? exponents);

    /// <summary>The counts of each anchor, (N), and of each candidate as an anchor, (M).</summary>
    public abstract (PairCounts Anchors, PairCounts Candidates) Count(IEnumerable<PairBlock> tiles, Device device, ScalarType dtype);

    /// <summary>Adds a tile's sums for its anchors and, if asked, for its candidates, and marks the tile.</summary>
    public abstract void Sum(Tensor logits, PairBlock block, SumAccumulator anchors, SumAccumulator? candidates);

    /// <summary>Does to a tile that is computed anew what <see cref="Sum"/> did to it.</summary>
    public abstract void Mark(Tensor logits, PairBlock block);

    /// <summary>From the derivatives by sums to what tiles need of them.</summary>
    /// <param name="origin">The first anchor of the sums.</param>
    /// <param name="sums">The sums and the derivatives by them.</param>
    public abstract SumGradient Gradient(long origin, SumLeaves sums);

    /// <summary>∂L/∂s of a marked tile, in its place or in a new tensor.</summary>
    public abstract Tensor Differentiate(Tensor logits, PairBlock block, SumGradient anchors, SumGradient? candidates);

    /// <summary>log Σ exp; of nothing but -∞ it is -∞, and has no gradient instead of NaN.</summary>
    protected static Tensor LogSum(Tensor logits, int dimension)
    {
        if (!logits.requires_grad) return logits.logsumexp(dimension);
        var empty = logits.isneginf().all(dimension, keepdim: true);
        return logits.masked_fill(empty, Scalars.Zero).logsumexp(dimension, keepdim: true)
            .masked_fill(empty, Scalars.NegativeInfinity).squeeze(dimension);
    }
}
