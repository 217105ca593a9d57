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
    private readonly ContrastBatch contrast;
    private readonly GammaStep step;
    private readonly Role[] roles;

    private GammaAccumulation(GammaContrastiveLoss loss, FeatureBatch batch, ContrastBatch contrast, GammaStep step)
    {
        (this.loss, this.batch, this.contrast, this.step) = (loss, batch, contrast, step);
        var below = batch.Features[0].shape[0];
        roles = loss.Mode == ContrastMode.TwoViews
            ? [new Role(FirstAnchor: 0, FirstCandidate: 0), new Role(FirstAnchor: below, FirstCandidate: below)]
            : [new Role(FirstAnchor: 0, FirstCandidate: null), new Role(FirstAnchor: null, FirstCandidate: 0)];
    }

    /// <summary>The E-step: value, objective and the estimators' state as of the batch at once.</summary>
    public static GammaAccumulation Begin(
        GammaContrastiveLoss loss, FeatureBatch batch, Tensor? sampleIds, PairMap? pairs, Tensor? candidateIds)
    {
        using var constant = no_grad();
        var contrast = loss.Batch(batch.Features[0], batch.Features[1], sampleIds, pairs, candidateIds);
        // All else that the step makes, as large as the features, goes.
        using var scope = NewDisposeScope();
        var step = loss.Step(contrast);
        return new GammaAccumulation(loss, batch, contrast, new GammaStep(
            step.Result.WithoutGraph().MoveToOuterDisposeScope(),
            step.Forward.Copy().MoveToOuterDisposeScope(),
            step.Backward?.Copy().MoveToOuterDisposeScope()));
    }

    /// <summary>Value and objective of the batch.</summary>
    public ContrastiveResult Result => step.Result;

    /// <summary>The derivatives by the features of a micro-batch; those by the temperature are added to its gradient.</summary>
    public Tensor?[] Differentiate(MicroBatch part) => [Differentiate(part, 0), Differentiate(part, 1)];

    private Tensor? Differentiate(MicroBatch part, int tower)
    {
        var learns = batch.Learns[tower];
        var own = batch.RowsOf(batch.Features[tower], tower, part).detach().requires_grad_(learns);
        var (first, count) = batch.RangeOf(tower, part);
        // The temperature is a factor of every pair, and the anchors of all micro-batches have each pair once.
        if (roles[tower].FirstAnchor is { } above && (learns || loss.Temperature.RequiresGradient))
        {
            using var scope = NewDisposeScope();
            Block(own, contrast.Candidates, (above + first, count), (0, contrast.Candidates.shape[0]), constantTemperature: false).backward();
        }
        if (roles[tower].FirstCandidate is { } before && learns)
        {
            using var scope = NewDisposeScope();
            Block(contrast.Anchors, own, (0, contrast.Anchors.shape[0]), (before + first, count), constantTemperature: true).backward();
        }
        return own.grad;
    }

    private Tensor Block(
        Tensor a, Tensor b, (long First, long Count) ofAnchors, (long First, long Count) ofCandidates, bool constantTemperature)
        => loss.BlockOfBatch(
            a,
            b,
            contrast.Map.Block(ofAnchors.First, ofAnchors.Count, ofCandidates.First, ofCandidates.Count),
            Direction(step.Forward, ofAnchors),
            step.Backward is null ? null : Direction(step.Backward, ofCandidates),
            constantTemperature);

    private (GammaWeights Weights, double Share) Direction(GammaWeights weights, (long First, long Count) rows) => (
        weights.Rows(rows.First, rows.Count),
        loss.reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, weights.Count - weights.SkippedAnchors) : 1);

    /// <summary>Where a tower's rows are among the batch's anchors and among its candidates, if they are there.</summary>
    private readonly record struct Role(long? FirstAnchor, long? FirstCandidate);
}
