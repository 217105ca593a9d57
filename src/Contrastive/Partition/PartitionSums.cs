using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What a block of candidates adds to the partition function Z_i = Σ_j exp(s_ij) of each anchor, (m), in log space. The sums
/// of blocks with the same anchors and different candidates <see cref="Merge"/> exactly.
/// </summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class PartitionSums : IDisposable
{
    internal PartitionSums(PairSums sums, bool hasLogitBias)
    {
        Relative = sums;
        (KnownCount, SampledCount, PositiveCount) = sums.Counts;
        HasLogitBias = hasLogitBias;
    }

    /// <summary>The sums relative to a reference near the largest similarity, so that their differences keep their digits.</summary>
    internal PairSums Relative { get; }

    /// <summary>The logarithm of the sum over the candidates that are known to be the anchor's own.</summary>
    public Tensor LogKnown => field ??= Relative.Absolute(Relative.LogKnown);

    /// <summary>The logarithm of the sum over the candidates that stand for the rest of the population.</summary>
    public Tensor LogSampled => field ??= Relative.Absolute(Relative.LogSampled);

    /// <summary>How many candidates are known.</summary>
    public Tensor KnownCount { get; }

    /// <summary>How many candidates are sampled.</summary>
    public Tensor SampledCount { get; }

    /// <summary>k_i, the number of positives.</summary>
    public Tensor PositiveCount { get; }

    /// <summary>The sum of the positives' similarities.</summary>
    public Tensor PositiveLogits
        => field ??= Relative.Reference is null ? Relative.Positive : Relative.Positive.Plus(Relative.Reference.mul(PositiveCount));

    /// <summary>Every anchor has one positive and at least one negative; nobody needs to look.</summary>
    internal bool IsPlain => Relative.IsPlain;

    /// <summary>A bias was added to the similarities.</summary>
    internal bool HasLogitBias { get; }

    /// <summary>The sums over these candidates and those of <paramref name="other"/>, for the same anchors.</summary>
    /// <param name="other">Sums of other candidates of the same (m) anchors.</param>
    /// <exception cref="ArgumentException">The number of anchors differs.</exception>
    public PartitionSums Merge(PartitionSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.KnownCount.shape[0] != KnownCount.shape[0])
            throw new ArgumentException($"these sums have {KnownCount.shape[0]} anchors but other has {other.KnownCount.shape[0]}", nameof(other));
        using var scope = NewDisposeScope();
        var (left, right) = (Relative, other.Relative);
        var counts = new PairCounts(
            KnownCount.Plus(other.KnownCount), SampledCount.Plus(other.SampledCount), PositiveCount.Plus(other.PositiveCount));
        Tensor? reference = null;
        if (left.Reference is not null || right.Reference is not null)
        {
            reference = (left.Reference ?? zeros_like(KnownCount)).maximum(right.Reference ?? zeros_like(KnownCount));
            (left, right) = (left.RelativeTo(reference), right.RelativeTo(reference));
        }
        return new PartitionSums(
            new PairSums(
                left.LogKnown.logaddexp(right.LogKnown),
                left.LogSampled.logaddexp(right.LogSampled),
                left.Positive.Plus(right.Positive),
                reference,
                isPlain: false,
                () => counts),
            HasLogitBias || other.HasLogitBias).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }

    /// <summary>The same with more sampled candidates.</summary>
    /// <param name="logSampled">(m), relative as <see cref="Relative"/> is.</param>
    /// <param name="sampledCount">(m).</param>
    internal PartitionSums WithSampled(Tensor logSampled, Tensor sampledCount)
    {
        var counts = new PairCounts(KnownCount, SampledCount.Plus(sampledCount.to(SampledCount.dtype)), PositiveCount);
        return new PartitionSums(
            new PairSums(
                Relative.LogKnown, Relative.LogSampled.logaddexp(logSampled), Relative.Positive, Relative.Reference, IsPlain, () => counts),
            HasLogitBias);
    }

    /// <summary>The same, relative to the larger of each anchor's sums.</summary>
    internal PartitionSums RelativeToLarger() => new(Relative.RelativeToLarger(), HasLogitBias);

    internal PartitionSums Select(Tensor rows)
    {
        Tensor Of(Tensor values) => values.index_select(0, rows);
        var counts = Relative.Counts.Select(rows);
        return new PartitionSums(
            new PairSums(
                Of(Relative.LogKnown),
                Of(Relative.LogSampled),
                Of(Relative.Positive),
                Relative.Reference is null ? null : Of(Relative.Reference),
                IsPlain,
                () => counts),
            HasLogitBias);
    }

    /// <summary>
    /// log c_i, (m): each sampled candidate stands for (N - known) / sampled of the population's N, or for itself where N is not
    /// known.
    /// </summary>
    /// <param name="population">N, or null.</param>
    public Tensor LogSampledScale(long? population)
    {
        if (population is not { } count) return zeros_like(SampledCount);
        using var scope = NewDisposeScope();
        return KnownCount.neg().Plus(count).div(SampledCount.clamp_min(Scalars.One)).log().MoveToOuterDisposeScope();
    }

    /// <summary>log Z̃_i, (m), the logarithm of an unbiased estimate: Z̃_i = Σ_known exp(s_ij) + c_i Σ_sampled exp(s_ij).</summary>
    /// <param name="population">N, or null.</param>
    public Tensor LogEstimate(long? population)
    {
        using var scope = NewDisposeScope();
        return Relative.Absolute(RelativeEstimate(population)).MoveToOuterDisposeScope();
    }

    /// <summary>log Z̃_i - r_i, (m).</summary>
    internal Tensor RelativeEstimate(long? population)
        => Relative.LogKnown.logaddexp(Relative.LogSampled.Plus(LogSampledScale(population)));

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
                LogKnown, LogSampled, PositiveLogits, KnownCount, SampledCount, PositiveCount,
                Relative.LogKnown, Relative.LogSampled, Relative.Positive, Relative.Reference,
            ];
            return all.OfType<Tensor>();
        }
    }
}
