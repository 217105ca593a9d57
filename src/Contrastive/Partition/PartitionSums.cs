using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What a block of candidates adds to the partition function Z_i = Σ_j exp(s_ij) of each anchor, (m), in log space. The sums
/// of blocks with the same anchors and different candidates <see cref="Merge"/> exactly.
/// </summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class PartitionSums : IDisposable
{
    private const long RowWidth = 8;

    internal PartitionSums(PairSums sums, bool hasLogitBias)
    {
        Relative = sums;
        (PositiveTerms, NegativeTerms, PositiveCount) = sums.Counts;
        HasLogitBias = hasLogitBias;
    }

    /// <summary>The sums relative to a reference near the largest similarity, so that their differences keep their digits.</summary>
    internal PairSums Relative { get; }

    /// <summary>The log-sum-exp over the positives; with <see cref="PositiveSampling.Sampled"/> over the anchor's own pair (i, i) alone.</summary>
    public Tensor LogPositives => field ??= Relative.Absolute(Relative.LogPositives);

    /// <summary>The log-sum-exp over the candidates that stand for the rest of the population: the negatives, and with
    /// <see cref="PositiveSampling.Sampled"/> the other positives.</summary>
    public Tensor LogNegatives => field ??= Relative.Absolute(Relative.LogNegatives);

    /// <summary>How many candidates <see cref="LogPositives"/> sums over.</summary>
    public Tensor PositiveTerms { get; }

    /// <summary>How many candidates <see cref="LogNegatives"/> sums over.</summary>
    public Tensor NegativeTerms { get; }

    /// <summary>k_i, the number of positives.</summary>
    public Tensor PositiveCount { get; }

    /// <summary>The sum of the positives' similarities.</summary>
    public Tensor PositiveLogits
        => field ??= Relative.Reference is null ? Relative.PositiveLogits : Relative.PositiveLogits.Plus(Relative.Reference.mul(PositiveCount));

    /// <summary>Every anchor has one positive and at least one negative; nobody needs to look.</summary>
    internal bool IsSinglePositive => Relative.IsSinglePositive;

    /// <summary>A bias was added to the similarities.</summary>
    internal bool HasLogitBias { get; }

    /// <summary>The sums over these candidates and those of <paramref name="other"/>, for the same anchors.</summary>
    /// <param name="other">Sums of other candidates of the same (m) anchors.</param>
    /// <exception cref="ArgumentException">The number of anchors differs.</exception>
    public PartitionSums Merge(PartitionSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.PositiveTerms.shape[0] != PositiveTerms.shape[0])
            throw new ArgumentException($"these sums have {PositiveTerms.shape[0]} anchors but other has {other.PositiveTerms.shape[0]}", nameof(other));
        using var scope = NewDisposeScope();
        var (left, right) = (Relative, other.Relative);
        var counts = new PairCounts(
            PositiveTerms.Plus(other.PositiveTerms), NegativeTerms.Plus(other.NegativeTerms), PositiveCount.Plus(other.PositiveCount));
        Tensor? reference = null;
        if (left.Reference is not null || right.Reference is not null)
        {
            reference = (left.Reference ?? zeros_like(PositiveTerms)).maximum(right.Reference ?? zeros_like(PositiveTerms));
            (left, right) = (left.RelativeTo(reference), right.RelativeTo(reference));
        }
        return new PartitionSums(
            new PairSums(
                left.LogPositives.logaddexp(right.LogPositives),
                left.LogNegatives.logaddexp(right.LogNegatives),
                left.PositiveLogits.Plus(right.PositiveLogits),
                reference,
                isSinglePositive: false,
                () => counts),
            HasLogitBias || other.HasLogitBias).MoveToOuterDisposeScope();
    }

    /// <summary>The sums as numbers, one row per anchor, so that they can go to another process.</summary>
    /// <returns>(m, 8), in the dtype of the sums; what the columns hold may change with the version.</returns>
    public Tensor ToRows()
    {
        using var scope = NewDisposeScope();
        using var bias = (HasLogitBias ? 1.0 : 0).ToScalar();
        var reference = Relative.Reference ?? zeros_like(PositiveTerms);
        Tensor[] columns =
        [
            Relative.LogPositives, Relative.LogNegatives, Relative.PositiveLogits, reference,
            PositiveTerms, NegativeTerms, PositiveCount, full_like(PositiveTerms, bias),
        ];
        return stack(columns, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Sums from what <see cref="ToRows"/> gave, rows of other processes' anchors among them. Waits for the device.</summary>
    /// <param name="rows">(m, 8), float32 or float64. Copied, without a graph.</param>
    /// <exception cref="ArgumentException">The rows are not of this shape or dtype.</exception>
    public static PartitionSums FromRows(Tensor rows)
    {
        Guard.Features(rows);
        if (rows.shape[1] != RowWidth)
            throw new ArgumentException($"rows must have the shape (m, {RowWidth}) but have {Guard.Shape(rows)}", nameof(rows));
        StateType.Check(rows.dtype);
        using var scope = NewDisposeScope();
        var columns = rows.detach().t().contiguous().unbind(0).Select(column => column.clone()).ToArray();
        var counts = new PairCounts(columns[4], columns[5], columns[6]);
        return new PartitionSums(
            new PairSums(columns[0], columns[1], columns[2], columns[3], isSinglePositive: false, () => counts),
            columns[7].gt(Scalars.Zero).any().item<bool>()).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }

    /// <summary>The same with more negatives.</summary>
    /// <param name="other">Sums over them, of the same anchors.</param>
    internal PartitionSums WithNegatives(PairSums other) => new(Relative.WithNegatives(other), HasLogitBias);

    /// <summary>The same, relative to the larger of each anchor's sums.</summary>
    internal PartitionSums RelativeToLarger() => new(Relative.RelativeToLarger(), HasLogitBias);

    internal PartitionSums Select(Tensor rows)
    {
        Tensor Of(Tensor values) => values.index_select(0, rows);
        var counts = Relative.Counts.Select(rows);
        return new PartitionSums(
            new PairSums(
                Of(Relative.LogPositives),
                Of(Relative.LogNegatives),
                Of(Relative.PositiveLogits),
                Relative.Reference is null ? null : Of(Relative.Reference),
                IsSinglePositive,
                () => counts),
            HasLogitBias);
    }

    /// <summary>
    /// log c_i, (m): each negative stands for (N - positives) / negatives of the population's N, or for itself where N is not
    /// known.
    /// </summary>
    /// <param name="population">N, or null.</param>
    public Tensor LogNegativeScale(long? population)
    {
        if (population is not { } count) return zeros_like(NegativeTerms);
        if (Relative.Counts.NegativesOfEach is { } negatives)
        {
            using var scale = Math.Log((count - 1.0) / negatives).ToScalar();
            return full_like(NegativeTerms, scale);
        }
        using var scope = NewDisposeScope();
        return PositiveTerms.neg().Plus(count).div(NegativeTerms.clamp_min(Scalars.One)).log().MoveToOuterDisposeScope();
    }

    /// <summary>log Z̃_i, (m), the logarithm of an unbiased estimate: Z̃_i = Σ_positives exp(s_ij) + c_i Σ_negatives exp(s_ij).</summary>
    /// <param name="population">N, or null.</param>
    public Tensor LogEstimate(long? population)
    {
        using var scope = NewDisposeScope();
        return Relative.Absolute(RelativeEstimate(LogNegativeScale(population))).MoveToOuterDisposeScope();
    }

    /// <summary>log Z̃_i - r_i, (m).</summary>
    /// <param name="logNegativeScale"><see cref="LogNegativeScale"/>.</param>
    internal Tensor RelativeEstimate(Tensor logNegativeScale) => Relative.LogPositives.logaddexp(Relative.LogNegatives.Plus(logNegativeScale));

    internal PartitionSums MoveToOuterDisposeScope()
    {
        // One tensor may stand for several things; it moves one scope out, not several.
        foreach (var tensor in All.Distinct<object>(ReferenceEqualityComparer.Instance)) ((Tensor)tensor).MoveToOuterDisposeScope();
        return this;
    }

    private IEnumerable<Tensor> All
    {
        get
        {
            Tensor?[] all =
            [
                LogPositives, LogNegatives, PositiveLogits, PositiveTerms, NegativeTerms, PositiveCount,
                Relative.LogPositives, Relative.LogNegatives, Relative.PositiveLogits, Relative.Reference,
            ];
            return all.OfType<Tensor>();
        }
    }
}
