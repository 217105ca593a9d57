using Contrastive.Numerics;
using Contrastive.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>
/// A loss and its reference, step by step with other features, ids and pairs each time: value, objective, what was skipped, the
/// gradients of the features and of a learned temperature, and the estimators' state.
/// </summary>
internal sealed class CombinationRun : IDisposable
{
    private readonly Combination _combination;
    private readonly Generator _generator;
    private readonly Generator _referenceGenerator;
    private readonly Temperature _temperature;
    private readonly ContrastiveLoss _loss;
    private readonly ReferenceLoss _reference;
    private readonly Rounding _rounding;

    private CombinationRun(Combination combination)
    {
        _combination = combination;
        _generator = new Generator((ulong)combination.Seed);
        _referenceGenerator = new Generator((ulong)combination.Seed);
        _temperature = combination.Learned
            ? Contrastive.Temperature.Learned(combination.Temperature)
            : Contrastive.Temperature.Fixed(combination.Temperature);
        if (combination.Float64) _temperature.to(ScalarType.Float64);
        _loss = combination.CreateLoss(_temperature, _generator);
        _reference = new ReferenceLoss(combination, _referenceGenerator);
        _rounding = new Rounding(combination.Epsilon);
    }

    public static void Check(Combination combination)
    {
        using var run = new CombinationRun(combination);
        for (var step = 0; step < combination.Steps; step++)
        {
            using var scope = NewDisposeScope();
            run.Step(step);
        }
    }

    public void Dispose()
    {
        _loss.Dispose();
        _temperature.Dispose();
        _generator.Dispose();
        _referenceGenerator.Dispose();
    }

    private Parameter? LogScale => _temperature.parameters().SingleOrDefault();

    private GammaContrastiveLoss Gamma => (GammaContrastiveLoss)_loss;

    private void Step(int step)
    {
        var c = _combination;
        var training = step != c.EvaluationStep;
        _loss.train(training);
        var batch = CombinationBatch.Draw(c, step);
        var features = CombinationFeatures.Draw(c, step);

        // The bounds are kept before each use.
        var logScale = LogScale is null
            ? tensor(-Math.Log(c.Temperature))
            : LogScale.detach().to(ScalarType.Float64).maximum(tensor(-Math.Log(_temperature.Maximum))).minimum(tensor(-Math.Log(_temperature.Minimum))).requires_grad_();
        var temperature = logScale.neg().exp();
        var expected = features.Exact();
        var (a, b) = c.Mode == ContrastMode.TwoViews ? (expected.Rows, expected.Rows) : (expected.Anchors, expected.Candidates);
        var (forward, backward, commit) = _reference.Step(a, b, temperature, batch.Pairs, batch.Ids, batch.CandidateIds);

        if (c.MissingPairs == MissingPairs.Throw && forward.Skipped + (backward?.Skipped ?? 0) > 0)
        {
            FluentActions.Invoking(() => Take(features, batch, training)).Should().Throw<ArgumentException>($"of step {step}").WithMessage("anchor * has no *");
            _referenceGenerator.set_state(_generator.get_state());
            StateShouldAgree(step);
            return;
        }

        LogScale?.grad?.zero_();
        var actual = Take(features, batch, training);
        if (training) commit();
        _rounding.Meet(SizeOf(a, b, temperature, batch.Pairs) + Largest(forward.Objective) + Largest(backward?.Objective ?? []));

        var terms = Terms(forward, backward);
        var (loss, objective) = (Reduced(forward, backward, d => d.PerAnchor), Reduced(forward, backward, d => tensor(d.Objective)));
        var size = Reduced(forward, backward, d => tensor(d.Terms).sum(1L).Plus(1));
        _rounding.ShouldAgree(actual.Loss, loss, size, $"the loss of step {step}");
        if (actual.Objective is not null) _rounding.ShouldAgree(actual.Objective, objective, size, $"the objective of step {step}");
        actual.Skipped.Should().Be(forward.Skipped + (backward?.Skipped ?? 0), $"of step {step}");
        StateShouldAgree(step);

        var wanted = features.Leaves.Any(leaf => leaf.requires_grad) || LogScale is not null;
        if (c.Wanted == Wanted.NoGraph || !wanted)
        {
            actual.Loss.requires_grad.Should().BeFalse();
        }
        else
        {
            if (c.Way is not (Way.CachedGradients or Way.Accumulation)) Weighted(actual.Loss).backward();
            // Even where nothing counts, there is a gradient: zero.
            expected.Leaves.Append(logScale).Aggregate(Weighted(loss), (sum, leaf) => sum.Plus(leaf.sum().Times(0))).backward();
            foreach (var ((leaf, exact), rows) in features.Leaves.Zip(expected.Leaves).Zip(features.Sizes(terms, temperature)))
            {
                if (!leaf.requires_grad) continue;
                leaf.grad.Should().NotBeNull();
                leaf.grad!.dtype.Should().Be(c.DType);
                _rounding.ShouldAgree(leaf.grad!, exact.grad!, rows, $"the gradient of the features in step {step}");
            }
            if (LogScale is not null)
                _rounding.ShouldAgree(LogScale.grad!, logScale.grad!, terms.sum().Times(SizeOf(a, b, temperature, batch.Pairs)), $"the gradient of the temperature in step {step}");
        }

        // A step of an optimiser, over the bounds at times.
        if (LogScale is null) return;
        using var constant = no_grad();
        LogScale.add_(tensor(step % 2 == 0 ? -0.4 : 0.7).to(LogScale.dtype), Scalars.One);
    }

    private (Tensor Loss, Tensor? Objective, long Skipped) Take(CombinationFeatures features, CombinationBatch batch, bool training)
    {
        var c = _combination;
        using var graph = c.Wanted == Wanted.NoGraph ? no_grad() : enable_grad();
        if (c.Way == Way.Pieces) return InPieces(features, batch, training);
        if (c.Way is Way.CachedGradients or Way.Accumulation)
        {
            var rows = c.Candidates / c.Anchors;
            var method = c.Way == Way.CachedGradients ? LargeBatchMethod.CachedGradients : LargeBatchMethod.Accumulation;
            var large = new LargeBatchStep(c.Part, []).Backward(
                c.Anchors,
                (first, count) => (features.Anchors.narrow(0, first, count), features.Candidates.narrow(0, first * rows, count * rows)), _loss,
                batch.GivenIds, batch.GivenMap, batch.GivenCandidateIds, method: method);
            ByHand(features, batch, training);
            return (large.Loss, large.Objective, large.SkippedAnchors);
        }
        var result = _loss.Evaluate(features.Anchors, features.Candidates, batch.GivenIds, batch.GivenMap, batch.GivenCandidateIds);
        ByHand(features, batch, training);
        return (result.Loss, result.Objective, result.SkippedAnchors);
    }

    /// <summary>What a caller who fills the queue does after each step.</summary>
    private void ByHand(CombinationFeatures features, CombinationBatch batch, bool training)
    {
        if (!training || !_combination.EnqueueByHand || _combination.Loss != CombinedLoss.Queue) return;
        var candidates = Reference.Rows(features.Exact().Candidates.detach(), _combination.Similarity);
        var ids = batch.CandidateIds?[..(int)candidates.shape[0]];
        ((PartitionQueue)Gamma.Estimator).Enqueue(candidates, ids is null ? null : tensor(ids));
        ((ReferenceQueue)_reference.Estimator!).Enqueue(ReferenceLoss.Jagged(candidates), ids);
    }

    private (Tensor Loss, Tensor? Objective, long Skipped) InPieces(CombinationFeatures features, CombinationBatch batch, bool training)
    {
        var c = _combination;
        var (a, b) = c.Mode == ContrastMode.TwoViews ? (features.Rows, features.Rows) : (features.Anchors, features.Candidates);
        var (forward, skipped) = Direction(a, b, batch.WholeMap, batch.Ids, false);
        Tensor? backward = null;
        if (c.Mode == ContrastMode.Symmetric)
        {
            (backward, var others) = Direction(b, a, batch.WholeMap.Transpose(), batch.CandidateIds, true);
            skipped += others;
        }
        if (training && c.Loss == CombinedLoss.Queue)
        {
            ((PartitionQueue)Gamma.Estimator).Enqueue(Reference.Rows(b.detach(), c.Similarity), Ids(batch.CandidateIds));
            if (backward is not null)
                ((PartitionQueue)Gamma.ReverseEstimator!).Enqueue(Reference.Rows(a.detach(), c.Similarity), Ids(batch.Ids));
        }
        return (backward is null ? forward : forward.Plus(backward).Times(0.5), null, skipped);

        (Tensor Loss, long Skipped) Direction(Tensor anchors, Tensor candidates, PairMap map, long[]? ids, bool reverse)
        {
            var (n, m, height, width) = (anchors.shape[0], candidates.shape[0], c.Part, (c.Part / 2) + 1);
            PartitionSums? sums = null;
            foreach (var (first, count) in Parts(m, width))
            {
                var part = Gamma.SumPartition(anchors, candidates.narrow(0, first, count), map.Block(0, n, first, count));
                sums = sums?.Merge(part) ?? part;
            }
            var weights = Gamma.ExpectationStep(sums!, anchors, Ids(ids), reverse);
            Tensor? total = null;
            foreach (var (top, rows) in Parts(n, height))
            {
                foreach (var (left, columns) in Parts(m, width))
                {
                    var block = Gamma.MaximizationStep(
                        anchors.narrow(0, top, rows), candidates.narrow(0, left, columns), map.Block(top, rows, left, columns), weights.Rows(top, rows));
                    total = total is null ? block : total.Plus(block);
                }
            }
            var share = c.Reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, n - weights.SkippedAnchors) : 1;
            return (total!.Times(share), weights.SkippedAnchors);
        }

        static Tensor? Ids(long[]? ids) => ids is null ? null : tensor(ids);

        static IEnumerable<(long First, long Count)> Parts(long total, long size)
        {
            for (var first = 0L; first < total; first += size) yield return (first, Math.Min(size, total - first));
        }
    }

    private void StateShouldAgree(int step)
    {
        if (_reference.Estimator is null) return;
        _reference.Estimator.ShouldBe(Gamma.Estimator, _rounding, $"the estimator after step {step}");
        _reference.Reverse?.ShouldBe(Gamma.ReverseEstimator!, _rounding, $"the reverse estimator after step {step}");
    }

    private Tensor Reduced(ReferenceDirection forward, ReferenceDirection? backward, Func<ReferenceDirection, Tensor> of)
    {
        return backward is null ? Of(forward) : Of(forward).Plus(Of(backward)).Times(0.5);

        Tensor Of(ReferenceDirection direction) => _combination.Reduction == nn.Reduction.None
            ? of(direction)
            : of(direction).sum().Times(direction.Share(_combination.Reduction));
    }

    /// <summary>(N, M): the size of the terms in ∂L/∂s.</summary>
    private Tensor Terms(ReferenceDirection forward, ReferenceDirection? backward)
    {
        return backward is null ? Of(forward) : Of(forward).Plus(Of(backward).t()).Times(0.5);

        Tensor Of(ReferenceDirection direction)
        {
            var terms = tensor(direction.Terms);
            return _combination.Reduction == nn.Reduction.None
                ? terms * Weights(terms.shape[0]).unsqueeze(1)
                : terms.Times(direction.Share(_combination.Reduction));
        }
    }

    /// <summary>A scalar of a loss without reduction, in which entries cannot stand in for each other.</summary>
    private static Tensor Weighted(Tensor loss) => loss.dim() == 0 ? loss : (loss * Weights(loss.shape[0]).to(loss.dtype)).sum();

    private static Tensor Weights(long count) => tensor([.. Enumerable.Range(1, (int)count).Select(i => (double)i / count)]);

    private double SizeOf(Tensor a, Tensor b, Tensor temperature, PairCase pairs)
        => Reference.Similarities(a.detach(), b.detach(), temperature.detach(), _combination.Similarity, pairs.Bias).abs().max().item<double>();

    private static double Largest(double[] values) => values.Length == 0 ? 0 : values.Max(Math.Abs);
}
