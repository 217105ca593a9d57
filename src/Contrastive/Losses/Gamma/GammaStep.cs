using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// A step of a <see cref="GammaContrastiveLoss"/> whose E-step is done and whose gradients come block by block
/// (<see cref="GammaContrastiveLoss.BeginStep"/>): the loss is a sum over pairs, so blocks of them add up to it exactly.
/// </summary>
/// <remarks>
/// <para>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</para>
/// <para>Blocks that cover each pair of the batch once add up to the value and all gradients of the whole. Where only some rows are given
/// with a graph, say those of a micro-batch that was encoded again, a row gets its whole gradient from two blocks: its row of
/// pairs, with all candidates, and its column, with all anchors. The temperature is in every pair, so each pair may count
/// for it once: say <c>constantTemperature</c> in the columns.</para>
/// </remarks>
/// <example>
/// <code>
/// using var step = loss.BeginStep(images, texts, ids);        // the features of the whole batch
/// for (var first = 0L; first &lt; images.shape[0]; first += 256)
/// {
///     using var scope = NewDisposeScope();
///     step.Block(images.narrow(0, first, 256), first, texts, 0).backward();
/// }
/// </code>
/// </example>
public sealed class GammaStep : IDisposable
{
    private readonly GammaContrastiveLoss _loss;
    private readonly Tensor? _ownIds;

    internal GammaStep(
        GammaContrastiveLoss loss,
        Tensor anchors,
        Tensor candidates,
        Tensor? ownIds,
        PairMap pairs,
        ContrastiveResult result,
        GammaWeights weights,
        GammaWeights? reverseWeights)
    {
        _loss = loss;
        _ownIds = ownIds;
        Anchors = anchors;
        Candidates = candidates;
        Pairs = pairs;
        Result = result;
        Weights = weights;
        ReverseWeights = reverseWeights;
    }

    /// <summary>Value and objective of the batch, without a graph, and how many anchors were skipped.</summary>
    public ContrastiveResult Result { get; }

    /// <summary>The rows that are anchors, without a graph: (N, D), or with two views the rows of both, one below the other, (2N, D).</summary>
    public Tensor Anchors { get; }

    /// <summary>The rows that are candidates, without a graph: (M, D), or with two views the same (2N, D) as the anchors.</summary>
    public Tensor Candidates { get; }

    /// <summary>The pairs of these rows, with what sample ids exclude.</summary>
    public PairMap Pairs { get; }

    /// <summary>The weights of the anchors, from the E-step.</summary>
    public GammaWeights Weights { get; }

    /// <summary>The weights of the candidates as anchors; null where the loss is not symmetric.</summary>
    public GammaWeights? ReverseWeights { get; }

    /// <summary>What a rectangular block of pairs adds to the loss of the batch, both directions of a symmetric one.</summary>
    /// <param name="anchors">(m, D): the rows of <see cref="Anchors"/> from <paramref name="firstAnchor"/> on, with a graph where they need one.</param>
    /// <param name="firstAnchor">Which of the batch's anchors is the first of these.</param>
    /// <param name="candidates">(n, D): the rows of <see cref="Candidates"/> from <paramref name="firstCandidate"/> on.</param>
    /// <param name="firstCandidate">Which of the batch's candidates is the first of these.</param>
    /// <param name="constantTemperature">Whether a gradient by the temperature is not wanted, because another block has these pairs too.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together or are not in the batch; the message says what was given.</exception>
    public Tensor Block(Tensor anchors, long firstAnchor, Tensor candidates, long firstCandidate, bool constantTemperature = false)
    {
        Guard.Features(anchors);
        Guard.Features(candidates);
        var (m, n) = (anchors.shape[0], candidates.shape[0]);
        using var scope = NewDisposeScope();
        return _loss.Block(
            anchors,
            candidates,
            Pairs.Block(firstAnchor, m, firstCandidate, n),
            Direction(Weights, firstAnchor, m),
            ReverseWeights is null ? null : Direction(ReverseWeights, firstCandidate, n),
            constantTemperature).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Result.Dispose();
        Anchors.Dispose();
        Candidates.Dispose();
        _ownIds?.Dispose();
        Weights.Dispose();
        ReverseWeights?.Dispose();
    }

    /// <summary>The weights of a run of rows, and the share that each has in the reduced loss of its direction.</summary>
    private (GammaWeights Weights, double Share) Direction(GammaWeights weights, long first, long count) => (
        weights.Rows(first, count),
        _loss.reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, weights.Count - weights.SkippedAnchors) : 1);
}
