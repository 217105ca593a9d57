using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The way through the decomposable loss: an E-step for the whole batch, then an M-step whose pairs are added up a micro-batch at a
/// time. What each pair adds to the gradient of its anchor and of its candidate is added once.
/// </summary>
internal sealed class GammaAccumulation
{
    private readonly GammaContrastiveLoss loss;
    private readonly FeatureBatch batch;
    private readonly GammaStep step;
    private readonly Tensor anchors;
    private readonly Tensor candidates;

    private GammaAccumulation(GammaContrastiveLoss loss, FeatureBatch batch, GammaStep step)
    {
        (this.loss, this.batch, this.step) = (loss, batch, step);
        (anchors, candidates) = (batch.Features[0], batch.Features[1]);
    }

    /// <summary>The E-step: value, objective and the estimators' state as of the batch at once.</summary>
    public static GammaAccumulation Begin(
        GammaContrastiveLoss loss, FeatureBatch batch, Tensor? sampleIds, PairMap? pairs, Tensor? candidateIds)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var step = loss.Step(batch.Features[0], batch.Features[1], sampleIds, pairs, candidateIds);
        // All else that the step made, as large as the features, goes.
        return new GammaAccumulation(loss, batch, new GammaStep(
            step.Result.WithoutGraph().MoveToOuterDisposeScope(),
            step.Map,
            step.Forward.Copy().MoveToOuterDisposeScope(),
            step.Backward?.Copy().MoveToOuterDisposeScope()));
    }

    /// <summary>Value and objective of the batch.</summary>
    public ContrastiveResult Result => step.Result;

    /// <summary>The derivatives by the features of a micro-batch; those by the temperature are added to its gradient.</summary>
    public Tensor?[] Differentiate(MicroBatch part)
    {
        var (ofAnchors, ofCandidates) = (batch.Learns[0], batch.Learns[1]);
        var ofTemperature = loss.Temperature.RequiresGradient;
        var own = Rows(anchors, 0, part, ofAnchors);
        var others = Rows(candidates, 1, part, ofCandidates);
        // The temperature is a factor of every pair, and the first part has each pair of the batch once.
        if (ofAnchors || ofTemperature)
        {
            using var scope = NewDisposeScope();
            var (first, count) = batch.RangeOf(0, part);
            Block(own, candidates, step.Map.Block(first, count, 0, candidates.shape[0]), (first, count), (0, candidates.shape[0]), false).backward();
        }
        if (ofCandidates)
        {
            using var scope = NewDisposeScope();
            var (first, count) = batch.RangeOf(1, part);
            Block(anchors, others, step.Map.Block(0, anchors.shape[0], first, count), (0, anchors.shape[0]), (first, count), true).backward();
        }
        return [own.grad, others.grad];
    }

    private Tensor Block(
        Tensor a, Tensor b, PairMap map, (long First, long Count) ofAnchors, (long First, long Count) ofCandidates, bool constantTemperature)
        => loss.BlockOfBatch(a, b, map, Direction(step.Forward, ofAnchors), step.Backward is null ? null : Direction(step.Backward, ofCandidates), constantTemperature);

    private (GammaWeights Weights, double Share) Direction(GammaWeights weights, (long First, long Count) rows) => (
        weights.Rows(rows.First, rows.Count),
        loss.reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, weights.Count - weights.SkippedAnchors) : 1);

    private Tensor Rows(Tensor features, int tower, MicroBatch part, bool learns)
        => batch.RowsOf(features, tower, part).detach().requires_grad_(learns);
}
