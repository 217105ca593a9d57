using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The way through the decomposable loss: an E-step for the whole batch, then an M-step whose pairs are added up a micro-batch at a
/// time. What each pair adds to the gradient of its anchor and of its candidate is added once.
/// </summary>
internal sealed class GammaAccumulation
{
    private readonly GammaContrastiveLoss _loss;
    private readonly FeatureBatch _batch;
    private readonly ContrastBatch _contrast;
    private readonly GammaStep _step;
    private readonly Role[] _roles;

    private GammaAccumulation(GammaContrastiveLoss loss, FeatureBatch batch, ContrastBatch contrast, GammaStep step)
    {
        (_loss, _batch, _contrast, _step) = (loss, batch, contrast, step);
        var below = batch.Features[0].shape[0];
        _roles = loss.Mode == ContrastMode.TwoViews
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
    public ContrastiveResult Result => _step.Result;

    /// <summary>The derivatives by the features of a micro-batch; those by the temperature are added to its gradient.</summary>
    public Tensor?[] Differentiate(MicroBatch part) => [Differentiate(part, 0), Differentiate(part, 1)];

    private Tensor? Differentiate(MicroBatch part, int tower)
    {
        var learns = _batch.Learns[tower];
        var own = _batch.RowsOf(_batch.Features[tower], tower, part).detach().requires_grad_(learns);
        var (first, count) = _batch.RangeOf(tower, part);
        // The temperature is a factor of every pair, and the anchors of all micro-batches have each pair once.
        if (_roles[tower].FirstAnchor is { } above && (learns || _loss.Temperature.RequiresGradient))
        {
            using var scope = NewDisposeScope();
            Block(own, _contrast.Candidates, (above + first, count), (0, _contrast.Candidates.shape[0]), constantTemperature: false).backward();
        }
        if (_roles[tower].FirstCandidate is { } before && learns)
        {
            using var scope = NewDisposeScope();
            Block(_contrast.Anchors, own, (0, _contrast.Anchors.shape[0]), (before + first, count), constantTemperature: true).backward();
        }
        return own.grad;
    }

    private Tensor Block(
        Tensor a, Tensor b, (long First, long Count) ofAnchors, (long First, long Count) ofCandidates, bool constantTemperature)
        => _loss.BlockOfBatch(
            a,
            b,
            _contrast.Map.Block(ofAnchors.First, ofAnchors.Count, ofCandidates.First, ofCandidates.Count),
            Direction(_step.Forward, ofAnchors),
            _step.Backward is null ? null : Direction(_step.Backward, ofCandidates),
            constantTemperature);

    private (GammaWeights Weights, double Share) Direction(GammaWeights weights, (long First, long Count) rows) => (
        weights.Rows(rows.First, rows.Count),
        _loss.reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, weights.Count - weights.SkippedAnchors) : 1);

    /// <summary>Where a tower's rows are among the batch's anchors and among its candidates, if they are there.</summary>
    private readonly record struct Role(long? FirstAnchor, long? FirstCandidate);
}
