using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// The image-text contrast of ALBEF (J. Li et al., NeurIPS 2021, equations 1, 2 and 6): each modality's features against the momentum model's of
/// the other, those of the batch and of a queue, with the momentum model's opinion as a share of the targets.
/// </summary>
/// <remarks>
/// <para>
/// $$L = \tfrac12 \left[ H(y, \mathrm{softmax}(v T'^\top / \tau)) + H(\tilde y, \mathrm{softmax}(t V'^\top / \tau)) \right], \qquad
/// y = \alpha \, \mathrm{softmax}(v' T'^\top / \tau) + (1 - \alpha) \, \mathrm{onehot}$$
/// </para>
/// <para>With v', t' the momentum model's features, given as <see cref="ModalityFeatures.Augmented"/>, and T', V' those of the batch and
/// below them of the queue; ỹ is made of t' and V' as y is of v' and T'. Rows of one sample id, in batch or queue, share the one-hot.</para>
/// <para>Terms: <c>first_to_second</c> and <c>second_to_first</c>, of weight ½. No gradient goes to the momentum features. In training the
/// batch's are put into the queue after the step. For the decomposable loss in its place see <see cref="MultimodalContrastiveLoss"/> and
/// <see cref="CrossBatchMemory"/>.</para>
/// </remarks>
/// <example>
/// <code>
/// var contrast = new MomentumContrastLoss(new CrossBatchMemory(capacity: 1024, features: 64));
/// // each step
/// contrast.Alpha = MomentumDistillation.Ramp(step, stepsPerEpoch);
/// contrast.forward(new(images, momentumImages), new(texts, momentumTexts), sampleIds).backward();
/// </code>
/// </example>
public sealed class MomentumContrastLoss : ModalityLoss
{
    private readonly InfoNCELoss contrast;
    private readonly bool _ownsTemperature;

    /// <summary>Creates the loss.</summary>
    /// <param name="queue">Where the momentum model's features of recent batches are kept, the first modality's as anchors; null for none. It is the loss's own. Unless <see cref="CrossBatchMemory.RemembersBatches"/> is off, batches of the training are put in.</param>
    /// <param name="temperature">τ; by default learned from 0.07 on, within [0.001, 0.5], as ALBEF's.</param>
    /// <param name="alpha">α at first. Range: 0 ≤ α ≤ 1.</param>
    /// <param name="missingPairs">What happens to a pair that is alone, without a queue. With one it is skipped, and remembered.</param>
    /// <exception cref="ArgumentException">α is out of range.</exception>
    public MomentumContrastLoss(
        CrossBatchMemory? queue = null, Temperature? temperature = null, double alpha = 0.4, MissingPairs missingPairs = MissingPairs.Throw)
    {
        Alpha = alpha;
        _ownsTemperature = temperature is null;
        contrast = new InfoNCELoss(temperature ?? Temperature.Learned(0.07, 0.001, 0.5), missingPairs: missingPairs);
        register_module(nameof(contrast), contrast);
        Queue = queue;
        if (queue is not null) register_module("queue", queue);
    }

    /// <summary>Where the momentum model's features of recent batches are kept; null for none.</summary>
    public CrossBatchMemory? Queue { get; }

    /// <summary>τ.</summary>
    public Temperature Temperature => contrast.Temperature;

    /// <summary>α, the momentum model's share of the targets; see <see cref="MomentumDistillation.Ramp"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in [0, 1].</exception>
    public double Alpha
    {
        get;
        set => field = Guard.Between(value, 0, 1);
    }

    /// <inheritdoc/>
    protected override FeatureKinds FirstNeeds => FeatureKinds.Augmented;

    /// <inheritdoc/>
    protected override FeatureKinds SecondNeeds => FeatureKinds.Augmented;

    /// <inheritdoc/>
    protected internal override ModalityResult Compute(ModalityBatch batch)
    {
        var first = batch.Unit(batch.First.Augmented!).detach();
        var second = batch.Unit(batch.Second.Augmented!).detach();
        // Targets cannot be made of them, nor entries of the queue.
        FiniteRows.Check(first, "first.Augmented");
        FiniteRows.Check(second, "second.Augmented");
        var ids = batch.SampleIds?.to(ScalarType.Int64);
        var remembered = Queue?.Newest();
        if (Queue is not null && first.shape[1] != Queue.Features)
            throw new ArgumentException($"first.Augmented have {first.shape[1]} features but the queue's have {Queue.Features}", nameof(batch));
        if (remembered is not null) Guard.SameDevice(first, remembered.Anchors, "first.Augmented", "those of the queue");
        var result = ModalityResult.Sum(
            Direction("first_to_second", batch.First.Shared, first, second, remembered?.Candidates, remembered?.CandidateIds),
            Direction("second_to_first", batch.Second.Shared, second, first, remembered?.Anchors, remembered?.AnchorIds));
        // Last: what fails before has changed nothing.
        if (training && Queue is { RemembersBatches: true }) Queue.Enqueue(first, second, ids);
        return result;

        ModalityTerm Direction(string name, Tensor anchors, Tensor momentum, Tensor others, Tensor? queued, Tensor? queuedIds)
        {
            var candidates = queued is null ? others : cat([others, queued.To(others.dtype)]);
            Tensor similarities;
            using (no_grad()) similarities = contrast.Temperature.Scale(momentum.matmul(candidates.t()));
            var candidateIds = ids is null || queuedIds is null ? null : cat([ids, queuedIds]);
            var targets = MomentumDistillation.Targets(similarities, Alpha, ids, candidateIds);
            // The first pair of all is alone whatever the queue will hold.
            if (Queue is not null && candidates.shape[0] == 1)
                return new ModalityTerm(name, 0.5, batch.Unit(anchors).SumAll().mul(Scalars.Zero)) { SkippedAnchors = 1 };
            return ModalityTerm.Of(name, 0.5, contrast.Evaluate(batch.Unit(anchors), candidates, pairs: PairMap.FromTargets(targets)));
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsTemperature) contrast.Temperature.Dispose();
        base.Dispose(disposing);
    }
}
