using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>How <see cref="LargeBatchStep"/> gets from a loss of the whole batch to the micro-batches. Both are exact.</summary>
public enum LargeBatchMethod
{
    /// <summary>
    /// The loss is differentiated by the features of the whole batch once, and the gradients, as large as the features, are kept for the
    /// micro-batches. For every loss.
    /// </summary>
    CachedGradients,

    /// <summary>
    /// The loss is a sum over pairs, so each micro-batch adds the pairs it is in, when its turn comes: its anchors with all
    /// candidates, and all anchors with its candidates. Neither gradients of features nor tiles are kept, and the loss takes five
    /// matrix products instead of three. For <see cref="GammaContrastiveLoss"/>.
    /// </summary>
    Accumulation,
}

/// <summary>
/// The backward pass of a loss on features, for a batch whose encoders' graph does not fit into memory: value, gradients and state
/// as of the whole batch, with the graph of one micro-batch at a time.
/// </summary>
/// <remarks>
/// <para>Encoders run twice: without keeping a graph for all features, whose loss is evaluated once, and again, with the same random
/// numbers and buffers, for the gradients, a micro-batch at a time (<see cref="LargeBatchMethod"/>). Beyond one micro-batch's
/// graph it takes a few times the features of the batch and what the loss needs (<see cref="Tiling.MemoryBudget"/>).</para>
/// <para>The gradients are those of one loss on the micro-batches' features put together. Where encoding a row depends on the
/// rows beside it (batch normalisation in training), or draws random numbers, that is another function of the batch than
/// encoding it at once.</para>
/// <para>Random numbers come from torch's CPU generator and those given; of CUDA devices, see the documentation. Afterwards they are
/// where encoding once and the loss left them, and so are the encoders' buffers. If <c>encode</c> or the loss fails before
/// anything was encoded the second time, they, the estimators' state and all <c>.grad</c> are as they were; if the second
/// pass fails, the estimators have moved on and the gradients are incomplete: set them to zero.</para>
/// <para>A batch that is one micro-batch is encoded once, as in an ordinary step. While a step runs, nothing else
/// in the process may draw from torch's own generator, such as dropout on another thread: its numbers are replayed.</para>
/// </remarks>
/// <example>
/// <code>
/// var large = new LargeBatchStep(microBatchSize: 256, [imageTower, textTower]);
/// optimizer.zero_grad();
/// var result = large.Backward(ids.shape[0], (first, count) =>
/// {
///     var rows = ids.narrow(0, first, count);
///     return (imageTower.forward(images[rows]), textTower.forward(texts[rows]));
/// }, loss, ids);
/// optimizer.step();
/// </code>
/// </example>
public sealed class LargeBatchStep
{
    private readonly TwoPasses _passes;

    /// <summary>Creates the step.</summary>
    /// <param name="microBatchSize">How many items are encoded at once. Range: ≥ 1.</param>
    /// <param name="encoders">
    /// The modules that <c>encode</c> uses: those with buffers (running statistics), which then move once and not twice, and those on a
    /// CUDA device, whose random numbers are then replayed.
    /// </param>
    /// <param name="generators">Generators that <c>encode</c> draws from, beside torch's own.</param>
    /// <exception cref="ArgumentException">The size is less than 1, or an element is null.</exception>
    public LargeBatchStep(long microBatchSize, IEnumerable<nn.Module> encoders, IEnumerable<Generator>? generators = null)
        => _passes = new TwoPasses(microBatchSize, encoders, generators);

    /// <summary>How many items are encoded at once.</summary>
    public long MicroBatchSize => _passes.MicroBatchSize;

    /// <summary>
    /// Adds the gradients of a contrastive loss of a batch to <c>.grad</c>, as <see cref="ContrastiveLoss.Evaluate"/> and <c>backward()</c> do.
    /// </summary>
    /// <param name="count">The items of the batch. Range: ≥ 1.</param>
    /// <param name="encode">
    /// From a first item and a count n to the features of items first, …, first + n - 1, (n, D) each, or (n·r, D) where each item has r
    /// rows (the captions of a picture). The same for the same random numbers: it is called twice. What it makes is disposed.
    /// </param>
    /// <param name="loss">The loss; its reduction is a mean or a sum.</param>
    /// <param name="sampleIds">(N) integers, see <see cref="ContrastiveLoss.Evaluate"/>; of all rows of the batch.</param>
    /// <param name="pairs">Which candidate is which anchor's positive, of all rows. By default row i belongs to row i.</param>
    /// <param name="candidateIds">(M) integers, the index of the sample that candidate j is.</param>
    /// <param name="method">How; by default accumulation where the loss is a sum over pairs and has no memory, else cached gradients.</param>
    /// <returns>The loss, without a graph, the objective and the number of anchors skipped.</returns>
    /// <exception cref="ArgumentException">
    /// The loss has no reduction; or accumulation is asked for, but the loss is not a sum over pairs; or the arguments, or the
    /// features, do not fit together. The message says what was given.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// Gradients are switched off; there is nothing to train; or encode gave other features the second time.
    /// </exception>
    public ContrastiveResult Backward(
        long count,
        Func<long, long, (Tensor Anchors, Tensor Candidates)> encode,
        ContrastiveLoss loss,
        Tensor? sampleIds = null,
        PairMap? pairs = null,
        Tensor? candidateIds = null,
        LargeBatchMethod? method = null)
    {
        TwoPasses.Check(count, encode);
        var gamma = Accumulated(loss, method);
        using var scope = NewDisposeScope();
        ContrastiveResult? result = null;
        if (_passes.IsSingle(count)) _passes.Single(count, Towers, Evaluate);
        else _passes.Run(count, Towers, Differentiate);
        return result!.MoveToOuterDisposeScope();

        Tensor[] Towers(long first, long rows)
        {
            var (anchors, candidates) = encode(first, rows);
            return [anchors, candidates];
        }

        Tensor Evaluate(Tensor[] features)
        {
            if (!features.Any(tensor => tensor.requires_grad) && !loss.parameters().Any(parameter => parameter.requires_grad))
                throw new InvalidOperationException("there is nothing to train: neither the features nor the temperature require a gradient");
            var evaluated = loss.Evaluate(features[0], features[1], sampleIds, pairs, candidateIds);
            result = evaluated.Detach();
            result.Loss.MoveToOtherDisposeScope(scope);
            result.Objective.MoveToOtherDisposeScope(scope);
            return evaluated.Loss;
        }

        Func<MicroBatch, Tensor?[]> Differentiate(FeatureBatch batch)
        {
            // Where only the temperature learns, there is no second pass to accumulate in.
            if (gamma is null || !batch.Learns.Contains(true)) return FeatureGradients.Cached(batch, Evaluate);
            var step = gamma.BeginStep(batch.Features[0], batch.Features[1], sampleIds, pairs, candidateIds);
            result = step.Result;
            return FeatureGradients.Accumulated(gamma, step, batch);
        }
    }

    /// <summary>Adds the gradients of any loss of a batch to <c>.grad</c>, as <c>backward()</c> does, by cached gradients.</summary>
    /// <param name="count">The items of the batch, N. Range: N ≥ 1.</param>
    /// <param name="encode">
    /// From a first item and a count n to the features of items first, …, first + n - 1: one tensor a tower, (n, …), or (n·r, …)
    /// where each item has r rows. The same for the same random numbers: it is called twice. What it makes is disposed.
    /// </param>
    /// <param name="loss">From the features of the whole batch, (N·r, …), to a scalar. Called once.</param>
    /// <returns>The value of the loss, without a graph.</returns>
    /// <exception cref="ArgumentException">The count is less than 1; or encode or the loss gave something else than it should.</exception>
    /// <exception cref="InvalidOperationException">
    /// Gradients are switched off; the loss has none; or encode gave other features the second time.
    /// </exception>
    public Tensor Backward(long count, Func<long, long, Tensor[]> encode, Func<Tensor[], Tensor> loss)
    {
        TwoPasses.Check(count, encode);
        ArgumentNullException.ThrowIfNull(loss);
        using var scope = NewDisposeScope();
        Tensor? value = null;
        if (_passes.IsSingle(count)) _passes.Single(count, encode, Evaluate);
        else _passes.Run(count, encode, batch => FeatureGradients.Cached(batch, Evaluate));
        return value!.MoveToOuterDisposeScope();

        Tensor Evaluate(Tensor[] features)
        {
            var result = loss(features);
            if (result is null || result.numel() != 1)
                throw new ArgumentException(
                    $"the loss must be a scalar but {(result is null ? "is null" : $"has the shape {Guard.Shape(result)}")}", nameof(loss));
            if (!result.requires_grad)
                throw new InvalidOperationException("the loss has no graph: nothing it depends on requires a gradient");
            value = result.detach().clone();
            value.MoveToOtherDisposeScope(scope);
            return result;
        }
    }

    /// <summary>The loss where it is to be accumulated; null for cached gradients. Refuses what does not go together.</summary>
    private static GammaContrastiveLoss? Accumulated(ContrastiveLoss loss, LargeBatchMethod? method)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (loss.reduction == nn.Reduction.None)
            throw new ArgumentException("the loss has no reduction: a step needs one value for the batch, a mean or a sum", nameof(loss));
        if (method is { } given) Guard.Defined(given, nameof(method));
        if (method == LargeBatchMethod.Accumulation && loss is not GammaContrastiveLoss)
            throw new ArgumentException(
                $"{loss.GetType().Name} is not a sum over pairs and cannot be accumulated; {nameof(GammaContrastiveLoss)} can", nameof(method));
        var remembers = loss is GammaContrastiveLoss { Memory: not null };
        if (method == LargeBatchMethod.Accumulation && remembers)
            throw new ArgumentException("the loss has a memory, whose rows are in no micro-batch: take cached gradients", nameof(method));
        return method == LargeBatchMethod.CachedGradients || remembers ? null : loss as GammaContrastiveLoss;
    }
}
