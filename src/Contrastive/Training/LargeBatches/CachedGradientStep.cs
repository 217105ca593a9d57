using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The backward pass of any loss on features, for a batch whose encoders' graph does not fit into memory: gradients as if the whole
/// batch had been encoded at once, with the graph of one micro-batch at a time.
/// </summary>
/// <remarks>
/// <para>The batch is encoded without keeping a graph; the loss of all features is differentiated by them; then each micro-batch is
/// encoded again, with the random numbers and buffers of the first time, and its part of those derivatives goes back through
/// its graph at once (L. Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021).
/// Encoders run twice; features and their gradients are all that grows with the batch, beside what the loss itself needs.</para>
/// <para>The gradients are those of one loss on the micro-batches' features put together. Where encoding a row depends on the
/// rows beside it (batch normalisation in training), or draws random numbers, that is another function of the batch than
/// encoding it at once.</para>
/// <para>Random numbers come from torch's CPU generator and those given; of CUDA devices, see the documentation. Afterwards they are
/// where encoding once and the loss left them, and so are the encoders' buffers. If <c>encode</c> or the loss fails before
/// anything was encoded the second time, they and all <c>.grad</c> are as they were; if the second pass fails, the
/// gradients are incomplete: set them to zero.</para>
/// <para>A batch that is one micro-batch is encoded once: the plain step. While a step runs, nothing else
/// in the process may draw from torch's own generator, such as dropout on another thread: its numbers are replayed.</para>
/// </remarks>
public sealed class CachedGradientStep
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
    public CachedGradientStep(long microBatchSize, IEnumerable<nn.Module> encoders, IEnumerable<Generator>? generators = null)
        => _passes = new TwoPasses(microBatchSize, encoders, generators);

    /// <summary>How many items are encoded at once.</summary>
    public long MicroBatchSize => _passes.MicroBatchSize;

    /// <summary>Adds the gradients of the loss of a batch to <c>.grad</c>, as <c>backward()</c> does.</summary>
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
        else _passes.Run(count, encode, batch => CachedGradients.Of(batch, Evaluate));
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
}
