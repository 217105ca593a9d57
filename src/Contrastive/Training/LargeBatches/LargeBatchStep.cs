using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The backward pass of a contrastive loss for a batch whose encoders' graph does not fit into memory: value, gradients and state as
/// of the whole batch, with the graph of one micro-batch at a time.
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
/// <para>A batch that is one micro-batch is encoded once: the plain step. While a step runs, nothing else
/// in the process may draw from torch's own generator, such as dropout on another thread: its numbers are replayed.</para>
/// </remarks>
/// <example>
/// <code>
/// var step = new LargeBatchStep(loss, microBatchSize: 256, [imageTower, textTower]);
/// optimizer.zero_grad();
/// var result = step.Backward(ids.shape[0], (first, count) =>
/// {
///     var rows = ids.narrow(0, first, count);
///     return (imageTower.forward(images[rows]), textTower.forward(texts[rows]));
/// }, ids);
/// optimizer.step();
/// </code>
/// </example>
public sealed class LargeBatchStep
{
    private readonly TwoPasses _passes;

    /// <summary>Creates the step.</summary>
    /// <param name="loss">The loss; its reduction is a mean or a sum. Not disposed.</param>
    /// <param name="microBatchSize">How many items are encoded at once. Range: ≥ 1.</param>
    /// <param name="encoders">
    /// The modules that <c>encode</c> uses: those with buffers (running statistics), which then move once and not twice, and those on a
    /// CUDA device, whose random numbers are then replayed.
    /// </param>
    /// <param name="generators">Generators that <c>encode</c> draws from, beside torch's own.</param>
    /// <param name="method">How; by default accumulation where the loss is a sum over pairs, else cached gradients.</param>
    /// <exception cref="ArgumentException">
    /// The size is less than 1; the loss has no reduction; it is no sum over pairs but to be accumulated; or an element is null.
    /// </exception>
    public LargeBatchStep(
        ContrastiveLoss loss,
        long microBatchSize,
        IEnumerable<nn.Module> encoders,
        IEnumerable<Generator>? generators = null,
        LargeBatchMethod? method = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (loss.reduction == nn.Reduction.None)
            throw new ArgumentException("the loss has no reduction: a step needs one value for the batch, a mean or a sum", nameof(loss));
        if (method == LargeBatchMethod.Accumulation && loss is not GammaContrastiveLoss)
            throw new ArgumentException(
                $"{loss.GetType().Name} is no sum over pairs and cannot be accumulated; {nameof(GammaContrastiveLoss)} can", nameof(method));
        _passes = new TwoPasses(microBatchSize, encoders, generators);
        Loss = loss;
        Method = method is { } given
            ? Guard.Defined(given, nameof(method))
            : loss is GammaContrastiveLoss ? LargeBatchMethod.Accumulation : LargeBatchMethod.CachedGradients;
    }

    /// <summary>The loss.</summary>
    public ContrastiveLoss Loss { get; }

    /// <summary>How the step gets from the loss to the micro-batches.</summary>
    public LargeBatchMethod Method { get; }

    /// <summary>How many items are encoded at once.</summary>
    public long MicroBatchSize => _passes.MicroBatchSize;

    /// <summary>Adds the gradients of the loss of a batch to <c>.grad</c>, as <c>Evaluate</c> and <c>backward()</c> do.</summary>
    /// <param name="count">The items of the batch. Range: ≥ 1.</param>
    /// <param name="encode">
    /// From a first item and a count n to the features of items first, …, first + n - 1, (n, D) each, or (n·r, D) where each item has r
    /// rows (the captions of a picture). The same for the same random numbers: it is called twice. What it makes is disposed.
    /// </param>
    /// <param name="sampleIds">(N) integers, see <see cref="ContrastiveLoss.Evaluate"/>; of all rows of the batch.</param>
    /// <param name="pairs">Which candidate is which anchor's positive, of all rows. By default row i belongs to row i.</param>
    /// <param name="candidateIds">(M) integers, the index of the sample that candidate j is.</param>
    /// <returns>The loss, without a graph, the objective and the number of anchors skipped.</returns>
    /// <exception cref="ArgumentException">The arguments, or the features, do not fit together; the message says what was given.</exception>
    /// <exception cref="InvalidOperationException">
    /// Gradients are switched off; the loss has none; or encode gave other features the second time.
    /// </exception>
    public ContrastiveResult Backward(
        long count,
        Func<long, long, (Tensor Anchors, Tensor Candidates)> encode,
        Tensor? sampleIds = null,
        PairMap? pairs = null,
        Tensor? candidateIds = null)
    {
        TwoPasses.Check(count, encode);
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
            if (!features.Any(tensor => tensor.requires_grad) && !Loss.Temperature.RequiresGradient)
                throw new InvalidOperationException("there is nothing to train: neither the features nor the temperature require a gradient");
            var evaluated = Loss.Evaluate(features[0], features[1], sampleIds, pairs, candidateIds);
            result = evaluated.WithoutGraph().MoveTo(scope);
            return evaluated.Loss;
        }

        Func<MicroBatch, Tensor?[]> Differentiate(FeatureBatch batch)
        {
            // Where only the temperature learns, there is no second pass to accumulate in.
            if (Method == LargeBatchMethod.CachedGradients || !batch.Learns.Contains(true)) return CachedGradients.Of(batch, Evaluate);
            var accumulation = GammaAccumulation.Begin((GammaContrastiveLoss)Loss, batch, sampleIds, pairs, candidateIds);
            result = accumulation.Result;
            return accumulation.Differentiate;
        }
    }
}
