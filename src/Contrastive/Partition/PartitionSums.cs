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
    internal PartitionSums(PairSums sums, PairCounts counts, bool plain, bool hasLogitBias)
    {
        (LogKnown, LogSampled, PositiveLogits) = sums;
        (KnownCount, SampledCount, PositiveCount) = counts;
        IsPlain = plain;
        HasLogitBias = hasLogitBias;
    }

    /// <summary>The logarithm of the sum over the candidates that are known to be the anchor's own.</summary>
    public Tensor LogKnown { get; }

    /// <summary>The logarithm of the sum over the candidates that stand for the rest of the population.</summary>
    public Tensor LogSampled { get; }

    /// <summary>How many candidates are known.</summary>
    public Tensor KnownCount { get; }

    /// <summary>How many candidates are sampled.</summary>
    public Tensor SampledCount { get; }

    /// <summary>k_i, the number of positives.</summary>
    public Tensor PositiveCount { get; }

    /// <summary>The sum of the positives' similarities.</summary>
    public Tensor PositiveLogits { get; }

    /// <summary>Every anchor has one positive and at least one negative; nobody needs to look.</summary>
    internal bool IsPlain { get; }

    /// <summary>A bias was added to the similarities.</summary>
    internal bool HasLogitBias { get; }

    /// <summary>The sums over these candidates and those of <paramref name="other"/>, for the same anchors.</summary>
    /// <param name="other">Sums of other candidates of the same (m) anchors.</param>
    /// <exception cref="ArgumentException">The number of anchors differs.</exception>
    public PartitionSums Merge(PartitionSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.LogKnown.shape[0] != LogKnown.shape[0])
            throw new ArgumentException($"these sums have {LogKnown.shape[0]} anchors but other has {other.LogKnown.shape[0]}", nameof(other));
        return new PartitionSums(
            new PairSums(
                LogKnown.logaddexp(other.LogKnown),
                LogSampled.logaddexp(other.LogSampled),
                PositiveLogits.Plus(other.PositiveLogits)),
            new PairCounts(
                KnownCount.Plus(other.KnownCount),
                SampledCount.Plus(other.SampledCount),
                PositiveCount.Plus(other.PositiveCount)),
            plain: false,
            HasLogitBias || other.HasLogitBias);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }

    /// <summary>The same with more sampled candidates.</summary>
    internal PartitionSums WithSampled(Tensor logSampled, Tensor sampledCount) => new(
        new PairSums(LogKnown, LogSampled.logaddexp(logSampled), PositiveLogits),
        new PairCounts(KnownCount, SampledCount.Plus(sampledCount.to(SampledCount.dtype)), PositiveCount),
        IsPlain,
        HasLogitBias);

    internal PartitionSums Select(Tensor rows)
    {
        Tensor Of(Tensor values) => values.index_select(0, rows);
        return new PartitionSums(
            new PairSums(Of(LogKnown), Of(LogSampled), Of(PositiveLogits)),
            new PairCounts(Of(KnownCount), Of(SampledCount), Of(PositiveCount)),
            IsPlain,
            HasLogitBias);
    }

    /// <summary>
    /// log c_i, (m): each sampled candidate stands for (N - known) / sampled of the population's N, or for itself where N is not
    /// known.
    /// </summary>
    /// <param name="population">N, or null.</param>
    public Tensor LogSampledScale(long? population)
    {
        if (population is not { } count) return zeros_like(LogSampled);
        using var scope = NewDisposeScope();
        return KnownCount.neg().Plus(count).div(SampledCount.clamp_min(Scalars.One)).log().MoveToOuterDisposeScope();
    }

    /// <summary>log Z̃_i, (m), the logarithm of an unbiased estimate: Z̃_i = Σ_known exp(s_ij) + c_i Σ_sampled exp(s_ij).</summary>
    /// <param name="population">N, or null.</param>
    public Tensor LogEstimate(long? population)
    {
        using var scope = NewDisposeScope();
        return LogKnown.logaddexp(LogSampled.Plus(LogSampledScale(population))).MoveToOuterDisposeScope();
    }

    internal PartitionSums MoveToOuterDisposeScope()
    {
        // One tensor may stand for several things; it moves one scope out, not several.
        foreach (var tensor in All.Distinct<object>(ReferenceEqualityComparer.Instance)) ((Tensor)tensor).MoveToOuterDisposeScope();
        return this;
    }

    private Tensor[] All => [LogKnown, LogSampled, KnownCount, SampledCount, PositiveCount, PositiveLogits];
}
