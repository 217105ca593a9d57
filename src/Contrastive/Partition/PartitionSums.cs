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
    internal PartitionSums(
        Tensor logKnown, Tensor logSampled, Tensor knownCount, Tensor sampledCount, Tensor positiveCount, Tensor positiveLogits, bool plain, bool hasLogitBias)
    {
        LogKnown = logKnown;
        LogSampled = logSampled;
        KnownCount = knownCount;
        SampledCount = sampledCount;
        PositiveCount = positiveCount;
        PositiveLogits = positiveLogits;
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
            LogKnown.logaddexp(other.LogKnown),
            LogSampled.logaddexp(other.LogSampled),
            KnownCount.Plus(other.KnownCount),
            SampledCount.Plus(other.SampledCount),
            PositiveCount.Plus(other.PositiveCount),
            PositiveLogits.Plus(other.PositiveLogits),
            plain: false,
            HasLogitBias || other.HasLogitBias);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }

    internal static PartitionSums Plain(Tensor logits, long offset, bool hasLogitBias)
    {
        var positive = logits.diagonal(offset, 0, 1).clone();
        var others = logits.clone();
        others.diagonal(offset, 0, 1).fill_(Scalars.NegativeInfinity);
        var ones = ones_like(positive);
        return new PartitionSums(
            positive, others.logsumexp(1), ones, ones.Times(logits.shape[1] - 1), ones, positive, plain: logits.shape[1] > 1, hasLogitBias);
    }

    internal static PartitionSums Masked(Tensor logits, GammaTile tile, bool hasLogitBias)
    {
        var type = logits.dtype;
        return new PartitionSums(
            LogSum(logits, tile.Known),
            LogSum(logits, tile.Sampled),
            tile.Known.sum(dim: 1).to(type),
            tile.Sampled.sum(dim: 1).to(type),
            tile.Positive.sum(dim: 1).to(type),
            logits.masked_fill(tile.Positive.logical_not(), Scalars.Zero).sum(dim: 1),
            plain: false,
            hasLogitBias);
    }

    /// <summary>The same with more sampled candidates.</summary>
    internal PartitionSums WithSampled(Tensor logSampled, Tensor sampledCount) => new(
        LogKnown,
        LogSampled.logaddexp(logSampled),
        KnownCount,
        SampledCount.Plus(sampledCount.to(SampledCount.dtype)),
        PositiveCount,
        PositiveLogits,
        IsPlain,
        HasLogitBias);

    internal PartitionSums Select(Tensor rows) => new(
        LogKnown.index_select(0, rows),
        LogSampled.index_select(0, rows),
        KnownCount.index_select(0, rows),
        SampledCount.index_select(0, rows),
        PositiveCount.index_select(0, rows),
        PositiveLogits.index_select(0, rows),
        IsPlain,
        HasLogitBias);

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
        foreach (var tensor in All) tensor.MoveToOuterDisposeScope();
        return this;
    }

    private Tensor[] All => [LogKnown, LogSampled, KnownCount, SampledCount, PositiveCount, PositiveLogits];

    private static Tensor LogSum(Tensor logits, Tensor mask)
        => logits.masked_fill(mask.logical_not(), Scalars.NegativeInfinity).logsumexp(1);
}
