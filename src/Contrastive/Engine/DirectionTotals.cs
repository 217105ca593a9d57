using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The sums of one direction as tiles bring them, added up in place: of the anchors over their candidates (dimension 1), or of
/// the candidates over the anchors (dimension 0). (n) each.
/// </summary>
internal sealed class DirectionTotals
{
    private readonly int _dimension;
    private readonly ExponentialTotal? _positives;
    private readonly ExponentialTotal? _numeratorUnit;
    private readonly ExponentialTotal? _hardness;

    private DirectionTotals(DirectionTotals other)
    {
        _dimension = 1 - other._dimension;
        (Negatives, Numerator, Counts) = (other.Negatives.Transpose(), other.Numerator, other.Counts);
        (_positives, _numeratorUnit) = (other._positives?.Transpose(), other._numeratorUnit?.Transpose());
        _hardness = other._hardness?.Transpose();
    }

    /// <param name="dimension">The dimension of a tile that is summed over.</param>
    /// <param name="count">How many sums.</param>
    /// <param name="like">Features whose device and dtype the sums have.</param>
    /// <param name="exponents">How tiles hold exponentials, if they do.</param>
    /// <param name="isOne">Whether the matrix is one tile, which needs nothing to be added to.</param>
    /// <param name="counted">Whether positives have a sum of their own, and pairs are counted.</param>
    /// <param name="numeratorUnit">Whether the numerator has a unit of its own.</param>
    /// <param name="hardness">Whether negatives have weights, whose sum is kept.</param>
    public DirectionTotals(
        int dimension,
        long count,
        Tensor like,
        Exponents? exponents,
        bool isOne,
        bool counted = false,
        bool numeratorUnit = false,
        bool hardness = false)
    {
        _dimension = dimension;
        Negatives = New();
        if (!isOne || counted) Numerator = Zeros();
        if (numeratorUnit) _numeratorUnit = New();
        if (hardness) _hardness = New();
        if (!counted) return;
        _positives = New();
        Counts = new PairCounts(Zeros(), Zeros(), Zeros());

        ExponentialTotal New() => new(dimension, count, like, exponents, isOne);
        Tensor Zeros() => zeros(count, dtype: like.dtype, device: like.device);
    }

    public int Dimension => _dimension;

    /// <summary>The same sums, for tiles of the other half of a matrix that is its own transpose.</summary>
    public DirectionTotals Transpose() => new(this);

    /// <summary>Σ_positives exp(s), where they have a sum of their own.</summary>
    public ExponentialTotal Positives => _positives!;

    /// <summary>Σ_negatives exp(s).</summary>
    public ExponentialTotal Negatives { get; }

    /// <summary>Σ_numerator exp(s), for its unit: where the numerator has more pairs than the positives' sum.</summary>
    public ExponentialTotal NumeratorUnit => _numeratorUnit!;

    /// <summary>Σ_negatives exp(β s), where negatives have weights.</summary>
    public ExponentialTotal Hardness => _hardness!;

    /// <summary>Σ_numerator s, as the form of the pairs keeps it.</summary>
    public Tensor Numerator { get; private set; } = null!;

    /// <summary>The number of pairs in each sum, where the form of the pairs counts as it goes.</summary>
    public PairCounts Counts { get; }

    /// <summary>The part of (n) values that belongs to a tile.</summary>
    public Tensor Part(Tensor values, PairBlock block) => _dimension == 1 ? block.AnchorsOf(values) : block.CandidatesOf(values);

    /// <summary>The same as a column or a row that goes with the tile.</summary>
    public Tensor Broadcast(Tensor values, PairBlock block) => Part(values, block).unsqueeze(_dimension);

    /// <summary>Sets the numerator of a matrix that is one tile, whose scope it outlives.</summary>
    public void Set(Tensor numerator) => Numerator = numerator.MoveToOuterDisposeScope();

    /// <summary>Takes the other direction's numerator: that of positives on the diagonal.</summary>
    public void Share(DirectionTotals other) => Numerator = other.Numerator;

    /// <summary>Adds a tile's terms, summed over this direction.</summary>
    public void Add(Tensor total, PairBlock block, Tensor terms) => Part(total, block).add_(terms.sum(dim: _dimension), Scalars.One);

    /// <summary>Adds the number of a tile's pairs in each sum. (A sum of a mask itself would make integers of it first, 8 bytes a pair.)</summary>
    /// <param name="masks">The tile's pairs.</param>
    /// <param name="block">Where the tile lies.</param>
    /// <param name="scratch">Memory of the tile's shape.</param>
    public void Count(PairMasks masks, PairBlock block, Tensor scratch)
    {
        Add(Counts.Positives, block, scratch.copy_(masks.Positives));
        Add(Counts.Negatives, block, scratch.copy_(masks.Negatives));
        Add(Counts.Numerator, block, scratch.copy_(masks.Numerator));
    }

    /// <summary>Adds Σ (s - unit) of a tile's similarities to the numerator. Before <see cref="Count"/>, of the tiles before.</summary>
    /// <param name="tile">The similarities.</param>
    /// <param name="block">Where the tile lies.</param>
    /// <param name="unit">The sum whose unit the numerator is relative to.</param>
    /// <param name="change">What <see cref="ExponentialTotal.Add"/> gave: a new unit shifts what was there.</param>
    /// <param name="others">The pairs that are not in the numerator.</param>
    /// <param name="scratch">Memory of the tile's shape.</param>
    public void AddNumerator(Tensor tile, PairBlock block, ExponentialTotal unit, Tensor change, Tensor others, Tensor scratch)
    {
        Part(Numerator, block).addcmul_(Part(Counts.Numerator, block), change, Scalars.One);
        Add(Numerator, block, scratch.copy_(tile).sub_(Broadcast(unit.Unit!, block)).masked_fill_(others, Scalars.Zero));
    }

    /// <summary>Σ (s - r): from Σ (s - unit) + k (unit - r), and nothing where there is no pair.</summary>
    /// <param name="unit">What the numerator is relative to; null for 0.</param>
    /// <param name="reference">r, (n).</param>
    public Tensor NumeratorRelativeTo(Tensor? unit, Tensor reference)
    {
        var shift = unit is null ? reference.neg() : unit.sub(reference);
        return Numerator.Plus(shift.mul(Counts.Numerator).masked_fill(Counts.Numerator.eq(Scalars.Zero), Scalars.Zero));
    }
}

/// <summary>
/// Σ exp(s), (n), in place, in units of the largest term so far, or of exp(shift) where tiles hold exponentials: so nothing
/// overflows, and differences keep their digits whatever the size of the similarities.
/// </summary>
internal sealed class ExponentialTotal
{
    /// <summary>Less than any similarity, and so far inside float32 that what is relative to it is finite, which times 0 is no NaN.</summary>
    private static readonly Scalar Lowest = (-1e37).ToScalar();

    private readonly int _dimension;
    private readonly Exponents? _exponents;
    private readonly Tensor? _largest;

    /// <param name="dimension">The dimension of a tile that is summed over.</param>
    /// <param name="count">How many sums.</param>
    /// <param name="like">Features whose device and dtype the sums have.</param>
    /// <param name="exponents">How tiles hold exponentials, if they do.</param>
    /// <param name="isOne">Whether the matrix is one tile, which needs nothing to be added to.</param>
    public ExponentialTotal(int dimension, long count, Tensor like, Exponents? exponents, bool isOne)
    {
        (_dimension, _exponents) = (dimension, exponents);
        if (exponents is null) _largest = full(count, Lowest, dtype: like.dtype, device: like.device);
        if (!isOne || exponents is null) Total = zeros(count, dtype: like.dtype, device: like.device);
    }

    private ExponentialTotal(int dimension, Exponents? exponents, Tensor? largest, Tensor total)
        => (_dimension, _exponents, _largest, Total) = (dimension, exponents, largest, total);

    /// <summary>The same sums, see <see cref="DirectionTotals.Transpose"/>.</summary>
    public ExponentialTotal Transpose() => new(1 - _dimension, _exponents, _largest, Total);

    /// <summary>Σ exp(s - unit), (n).</summary>
    public Tensor Total { get; private set; } = null!;

    /// <summary>The logarithm of the unit, (n); null where it is 0 for all. For an empty sum it is any finite number.</summary>
    public Tensor? Unit
        => _largest ?? (_exponents!.Shift == 0 ? null : zeros_like(Total).Subtract_(-_exponents.Shift));

    /// <summary>Whether a sum may have lost terms to underflow. Waits for the device.</summary>
    public bool Underflows => _exponents is { Lowest: > 0 } && Total.min().to(ScalarType.Float64).item<double>() < _exponents.Lowest;

    /// <summary>Adds a tile's terms: similarities, -∞ for those that are none; or exponentials where tiles hold them.</summary>
    /// <returns>The logarithm of the unit before less that after, at most 0, for each of the tile's sums; null where it is fixed.</returns>
    public Tensor? Add(Tensor tile, PairBlock block, Tensor scratch)
    {
        if (Total is null)
        {
            Total = tile.sum(dim: _dimension).MoveToOuterDisposeScope();
            return null;
        }
        var total = Part(Total, block);
        Tensor? change = null;
        if (_largest is not null)
        {
            var largest = Part(_largest, block);
            var higher = largest.maximum(tile.amax([_dimension]));
            change = largest.sub(higher);
            total.mul_(change.exp());
            largest.copy_(higher);
        }
        total.add_(Exponentials(tile, block, scratch).sum(dim: _dimension), Scalars.One);
        return change;
    }

    /// <summary>exp(s - unit) of the tile's terms: in <paramref name="scratch"/>, or the tile itself where it holds exponentials.</summary>
    public Tensor Exponentials(Tensor tile, PairBlock block, Tensor scratch)
        => _largest is null ? tile : scratch.copy_(tile).sub_(Part(_largest, block).unsqueeze(_dimension)).exp_();

    /// <summary>The derivative by the total, from that by its logarithm. An empty total has none.</summary>
    /// <param name="byLogarithm">(n).</param>
    /// <param name="hasTerms">Whether no total is empty.</param>
    public Tensor ByTotal(Tensor byLogarithm, bool hasTerms = false) => hasTerms && _exponents is { Lowest: 0 }
        ? byLogarithm.div(Total)
        : byLogarithm.div(Total.masked_fill(Total.eq(Scalars.Zero), Scalars.Infinity));

    /// <summary>log Σ exp(s - reference); -∞ for an empty sum.</summary>
    public Tensor Log(Tensor? reference)
    {
        var log = Total.log();
        var unit = Unit;
        if (unit is null) return reference is null ? log : log.sub(reference);
        return reference is null ? log.Plus(unit) : ReferenceEquals(unit, reference) ? log : log.Plus(unit.sub(reference));
    }

    private Tensor Part(Tensor values, PairBlock block) => _dimension == 1 ? block.AnchorsOf(values) : block.CandidatesOf(values);
}

/// <summary>
/// Where similarities are known to lie in a range that exp can take, a tile is turned into exponentials once, for its anchors'
/// and its candidates' sums and for the derivatives: exp(s - shift), the same shift for all. Elsewhere every sum needs a
/// maximum, a subtraction and exponentials of its own.
/// </summary>
/// <param name="Shift">What is subtracted first.</param>
/// <param name="Lowest">The least sum that has lost nothing to underflow; 0 where none can.</param>
internal sealed record Exponents(double Shift, double Lowest)
{
    /// <summary>
    /// For |s| ≤ <paramref name="bound"/> and sums of up to <paramref name="count"/>; null where the range is too large, or the
    /// bound no number.
    /// </summary>
    public static Exponents? For(double bound, long count, ScalarType dtype)
    {
        // exp(±safe) and the sum of so many of them are normal numbers of the dtype; so is a sum's reciprocal.
        var safe = (dtype == ScalarType.Float64 ? 650.0 : 75) - Math.Max(0, Math.Log(count / 65536.0));
        if (bound <= safe) return new Exponents(0, 0);
        // Half as much again: the largest still fit, and whether small ones matter shows in the sums. A sum of at least exp(-safe + 15)
        // has lost less than a part in 10^7 (in float32) to terms that became 0.
        return bound <= 1.5 * safe ? new Exponents(bound - safe, Math.Exp(15 - safe)) : null;
    }

    /// <summary>A tile of similarities into exponentials, in place.</summary>
    public void Apply_(Tensor tile)
    {
        if (Shift != 0) tile.Subtract_(Shift);
        tile.exp_();
    }
}
