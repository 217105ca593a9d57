using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// One step of an exact exchange. Each rank has the pairs of its own anchors: first their sums, over candidates that all ranks gather or
/// that go round; from the sums of all ranks the same E-step on each; then value and gradients of its pairs, and the candidates' gradients go home.
/// </summary>
/// <param name="loss">The caller's loss.</param>
/// <param name="pairs">The loss as a sum over pairs.</param>
/// <param name="communicator">The ranks.</param>
/// <param name="isRing">Whether candidates go round, or are gathered.</param>
/// <param name="counts">The rows of each rank.</param>
internal sealed class PairExchange(ContrastiveLoss loss, GammaContrastiveLoss pairs, Communicator communicator, bool isRing, long[] counts)
{
    private readonly long _total = counts.Sum();
    private readonly bool _isSymmetric = pairs.Mode == ContrastMode.Symmetric;
    private readonly Dictionary<int, Tensor> _gathered = [];
    private MemoryPairs? _memory;

    private int Views => pairs.Mode == ContrastMode.TwoViews ? 2 : 1;

    public DistributedResult Evaluate(Tensor anchors, Tensor candidates, Tensor? sampleIds, Tensor? labels)
    {
        var (map, ids) = Map(sampleIds, labels);
        // With two views both are anchors and candidates; the rows of the second view come after all of the first.
        Tensor[] own = Views == 2 ? [anchors.detach(), candidates.detach()] : [anchors.detach()];
        Tensor[] others = Views == 2 ? own : [candidates.detach()];

        _memory = pairs.Memory is null ? null : new MemoryPairs(pairs, pairs.Memory, sampleIds?.to(ScalarType.Int64));
        var (ofAnchors, ofCandidates) = Sums(own, others, map);
        // InfoNCE of labels tells the positives from each other, and asks for no negative.
        var needsNegatives = ReferenceEquals(loss, pairs) || labels is null;
        using var weights = pairs.ExpectationStep(OfAll(cat([.. ofAnchors.Select(communicator.AllGatherRows)]), needsNegatives), null, ids);
        using var reverseWeights = _isSymmetric
            ? pairs.ExpectationStep(OfAll(communicator.AllGatherRows(ofCandidates!), needsNegatives), null, ids, reverse: true)
            : null;
        var (value, byAnchors, byCandidates, parameters) = Differentiate(own, others, map, weights, reverseWeights, ofAnchors, ofCandidates);
        if (loss.training) Remember(own, others, ids, weights, reverseWeights);

        var half = _isSymmetric ? 0.5 : 1;
        var objectives = weights.Objective!.SumAll().Times(Share(weights) * half);
        if (reverseWeights is not null) objectives = objectives.Plus(reverseWeights.Objective!.SumAll().Times(Share(reverseWeights) * half));
        var objective = objectives.to(ScalarType.Float64).item<double>();
        // InfoNCE's value is the objective; the augmented loss has its gradient.
        if (!ReferenceEquals(loss, pairs)) value = OwnObjective(weights, reverseWeights);
        using var total = value.to(ScalarType.Float64).reshape(1).clone();
        communicator.AllReduce(total);

        var skipped = weights.SkippedAnchors + (reverseWeights?.SkippedAnchors ?? 0);
        var inputs = Views == 2
            ? new[] { (anchors, byAnchors[0].Plus(byCandidates[0])), (candidates, byAnchors[1].Plus(byCandidates[1])) }
            : [(anchors, byAnchors[0]), (candidates, byCandidates[0])];
        return new DistributedResult(Attach(value, [.. inputs, .. parameters]), total.item<double>(), objective, skipped);
    }

    /// <summary>The pairs of the whole batch, and the samples of all anchors.</summary>
    private (PairMap Map, Tensor? Ids) Map(Tensor? sampleIds, Tensor? labels)
    {
        var ids = sampleIds is null ? null : communicator.AllGatherRows(sampleIds.to(ScalarType.Int64));
        var all = labels is null ? null : communicator.AllGatherRows(labels.to(ScalarType.Int64));
        if (Views == 2)
        {
            ids = ids is null ? null : cat([ids, ids]);
            var views = all is null ? PairMap.TwoViews(_total) : OfLabels(all, pairs.Mode);
            return (ids is null ? views : views.WithSampleIds(ids), ids);
        }
        var map = all is null ? PairMap.Diagonal(_total) : OfLabels(all, pairs.Mode);
        return (ids is null ? map : map.WithSampleIds(ids), ids);
    }

    /// <summary>The pairs of a whole batch by the labels of its rows, (N).</summary>
    public static PairMap OfLabels(Tensor labels, ContrastMode mode)
        => mode == ContrastMode.TwoViews ? PairMap.FromLabels(cat([labels, labels])) : PairMap.FromLabels(labels, labels.clone());

    /// <summary>Where the rows of a rank begin in the whole.</summary>
    private long First(int view, int rank) => (view * _total) + counts.Take(rank).Sum();

    /// <summary>The candidates of all ranks, a part at a time: all of a view at once, or those of one rank after the other.</summary>
    /// <param name="own">This rank's candidates, one tensor a view.</param>
    /// <param name="beside">Rows that go with the candidates and come home changed; null for none.</param>
    /// <param name="merge">From such rows and others of the same candidates to those of both.</param>
    /// <param name="visit">Gets the view, the first of the rows, the rows, and those beside them.</param>
    /// <returns>The rows beside: gathered, what this rank has of all candidates; in a ring, what all ranks have of this rank's.</returns>
    private Tensor[] Visit(Tensor[] own, Func<Tensor, Tensor>? beside, Func<Tensor, Tensor, Tensor> merge, Action<int, long, Tensor, Tensor?> visit)
    {
        var home = new List<Tensor>();
        for (var view = 0; view < own.Length; view++)
        {
            var carried = isRing ? GoRound(view, own[view], beside, merge, visit) : Gathered(view, own[view], beside, visit);
            if (carried is not null) home.Add(carried);
        }
        return [.. home];
    }

    private Tensor? Gathered(int view, Tensor own, Func<Tensor, Tensor>? beside, Action<int, long, Tensor, Tensor?> visit)
    {
        // Gathered once: the sums and the gradients are of the same rows.
        if (!_gathered.TryGetValue(view, out var all)) _gathered[view] = all = communicator.AllGatherRows(own);
        var carried = beside?.Invoke(all);
        visit(view, First(view, 0), all, carried);
        return carried;
    }

    private Tensor? GoRound(
        int view, Tensor own, Func<Tensor, Tensor>? beside, Func<Tensor, Tensor, Tensor> merge, Action<int, long, Tensor, Tensor?> visit)
    {
        // What a rank has of its own candidates stays; that of others begins at the next rank, and is home after as many turns as the rows take.
        var kept = beside?.Invoke(own);
        if (counts[communicator.Rank] > 0) visit(view, First(view, communicator.Rank), own, kept);
        var (rows, carried) = (own, (Tensor?)null);
        for (var turn = 1; turn < communicator.Size; turn++)
        {
            rows = PassedOn(rows);
            if (beside is not null) carried = carried is null ? beside(rows) : PassedOn(carried);
            var from = (communicator.Rank - turn + communicator.Size) % communicator.Size;
            if (counts[from] > 0) visit(view, First(view, from), rows, carried);
        }
        if (carried is null) return kept;
        carried = PassedOn(carried);
        return kept!.shape[0] == 0 ? kept : merge(kept, carried);

        // What was passed on is held no longer: O(b D) whatever the number of ranks.
        Tensor PassedOn(Tensor passed)
        {
            var taken = communicator.Shift(passed);
            if (!ReferenceEquals(passed, own)) passed.Dispose();
            return taken;
        }
    }

    /// <summary>
    /// The sums of this rank's anchors, one tensor a view, and of its candidates as anchors, as rows; the latter where the loss is symmetric, or where
    /// remembered anchors push candidates of one direction.
    /// </summary>
    private (Tensor[] OfAnchors, Tensor? OfCandidates) Sums(Tensor[] own, Tensor[] others, PairMap map)
    {
        var bothDirections = _isSymmetric || (Views == 1 && _memory is { Pushes: true });
        var (rank, type) = (communicator.Rank, UnitRows.ComputeType(own[0].dtype));
        Tensor None(Tensor rows) => Nothing(rows.shape[0], type, rows.device);
        var sums = own.Select(None).ToArray();
        var carried = Visit(others, bothDirections ? None : null, Merged, (view, first, rows, with) =>
        {
            for (var a = 0; a < own.Length; a++)
            {
                if (own[a].shape[0] == 0) continue;
                // What a visit makes goes at its end, however many there are.
                using var scope = NewDisposeScope();
                var block = map.Block(First(a, rank), own[a].shape[0], first, rows.shape[0]);
                if (with is null)
                {
                    sums[a].copy_(Merged(sums[a], pairs.SumPartition(own[a], rows, block).ToRows()));
                    continue;
                }
                var (ofAnchors, ofCandidates) = pairs.SumPartitions(own[a], rows, block);
                sums[a].copy_(Merged(sums[a], ofAnchors.ToRows()));
                with.copy_(Merged(with, ofCandidates.ToRows()));
            }
        });
        for (var a = 0; a < own.Length; a++)
            if (_memory?.Sums(own[a], areAnchors: true) is { } remembered) sums[a] = Merged(sums[a], remembered.ToRows());
        if (!bothDirections) return (sums, null);

        var reverse = carried[0];
        if (!isRing)
        {
            // Each rank merges what all of them have of its candidates.
            var parts = communicator.ExchangeRows(reverse, counts);
            var mine = counts[rank];
            reverse = mine == 0
                ? parts
                : Enumerable.Range(0, communicator.Size).Select(from => parts.narrow(0, from * mine, mine)).Aggregate(Merged);
        }
        return (sums, _memory?.Sums(others[0], areAnchors: false) is { } more ? Merged(reverse, more.ToRows()) : reverse);
    }

    private (Tensor Value, Tensor[] ByAnchors, Tensor[] ByCandidates, (Tensor, Tensor)[] Parameters) Differentiate(
        Tensor[] own, Tensor[] others, PairMap map, GammaWeights weights, GammaWeights? reverseWeights, Tensor[] ofAnchors, Tensor? ofCandidates)
    {
        var (rank, differentiates) = (communicator.Rank, is_grad_enabled());
        var type = UnitRows.ComputeType(own[0].dtype);
        Tensor[] learned = differentiates ? [.. loss.parameters().Where(parameter => parameter.requires_grad)] : [];
        var byLearned = learned.Select(parameter => zeros_like(parameter.detach())).ToArray();
        var byAnchors = own.Select(rows => zeros_like(rows, dtype: type)).ToArray();
        var value = zeros([], dtype: type, device: own[0].device);
        var carried = Visit(others, differentiates ? rows => zeros_like(rows, dtype: type) : null, static (rows, more) => rows.Plus(more), (_, first, rows, with) =>
        {
            for (var a = 0; a < own.Length; a++)
            {
                if (own[a].shape[0] == 0) continue;
                using var scope = NewDisposeScope();
                var left = own[a].detach().clone().requires_grad_(differentiates);
                var right = rows.detach().clone().requires_grad_(differentiates);
                var part = Block(left, First(a, rank), right, first, map, weights, reverseWeights);
                if (differentiates)
                {
                    var gradients = autograd.grad([part], [left, right, .. learned]);
                    using var constant = no_grad();
                    byAnchors[a].add_(gradients[0], Scalars.One);
                    with!.add_(gradients[1], Scalars.One);
                    for (var p = 0; p < learned.Length; p++) byLearned[p].add_(gradients[p + 2], Scalars.One);
                }
                using (no_grad()) value.add_(part.detach(), Scalars.One);
            }
        });
        Tensor[] byCandidates = !differentiates ? [.. others.Select(rows => zeros_like(rows, dtype: type))]
            : isRing ? carried
            : [.. carried.Select(rows => communicator.ReduceScatterRows(rows, counts))];
        if (_memory is not null && counts[rank] > 0) WithMemory();
        return (value, byAnchors, byCandidates, [.. learned.Zip(byLearned)]);

        void WithMemory()
        {
            using var scope = NewDisposeScope();
            var (mine, half) = (counts[rank], _isSymmetric ? 0.5 : 1);
            for (var a = 0; a < own.Length; a++) Negatives(own[a], weights.Rows(First(a, rank), mine), Share(weights) * half, areAnchors: true, byAnchors[a]);
            if (reverseWeights is not null) Negatives(others[0], reverseWeights.Rows(First(0, rank), mine), Share(reverseWeights) * half, areAnchors: false, byCandidates[0]);
            if (!differentiates) return;
            // Of two views a row has as many negatives as a candidate as it has as an anchor.
            for (var a = 0; a < others.Length; a++) Push(others[a], ofCandidates ?? ofAnchors[a], pairs.Estimator, Share(weights) * half, areAnchors: false, byCandidates[a]);
            if (reverseWeights is not null) Push(own[0], ofAnchors[0], pairs.ReverseEstimator!, Share(reverseWeights) * half, areAnchors: true, byAnchors[0]);
        }

        void Negatives(Tensor rows, GammaWeights ofRows, double share, bool areAnchors, Tensor gradient)
        {
            var left = rows.detach().clone().requires_grad_(differentiates);
            if (_memory!.Negatives(left, ofRows, areAnchors)?.Times(share) is not { } part) return;
            using var constant = no_grad();
            value.add_(part.detach(), Scalars.One);
            if (!differentiates) return;
            var gradients = autograd.grad([part], [left, .. learned]);
            gradient.add_(gradients[0], Scalars.One);
            for (var p = 0; p < learned.Length; p++) byLearned[p].add_(gradients[p + 1], Scalars.One);
        }

        void Push(Tensor rows, Tensor sums, PartitionEstimator estimator, double share, bool areAnchors, Tensor gradient)
        {
            using var counted = PartitionSums.FromRows(sums);
            if (_memory!.Push(rows, counted.LogNegativeScale(estimator.Population), areAnchors) is not { } push) return;
            using var constant = no_grad();
            gradient.add_(push.Times(share), Scalars.One);
        }
    }

    /// <summary>Puts the batch into the memory, which is the same on all ranks and stays so.</summary>
    private void Remember(Tensor[] own, Tensor[] others, Tensor? ids, GammaWeights weights, GammaWeights? reverseWeights)
    {
        if (_memory is null) return;
        var anchors = cat([.. own.Select(communicator.AllGatherRows)]);
        var candidates = Views == 2 ? null : _gathered.GetValueOrDefault(0) ?? communicator.AllGatherRows(others[0]);
        _memory.Store(anchors, candidates, ids, weights, reverseWeights);
    }

    private Tensor Block(
        Tensor left, long firstLeft, Tensor right, long firstRight, PairMap map, GammaWeights weights, GammaWeights? reverseWeights)
    {
        var (m, n) = (left.shape[0], right.shape[0]);
        var block = map.Block(firstLeft, m, firstRight, n);
        return reverseWeights is null
            ? pairs.MaximizationStep(left, right, block, weights.Rows(firstLeft, m)).Times(Share(weights))
            : pairs.MaximizationStep(
                left, right, block, weights.Rows(firstLeft, m), reverseWeights.Rows(firstRight, n), Share(weights), Share(reverseWeights));
    }

    /// <summary>What an anchor counts in the loss of the whole batch.</summary>
    private double Share(GammaWeights weights)
        => loss.reduction == nn.Reduction.Mean ? 1.0 / Math.Max(1, weights.Count - weights.SkippedAnchors) : 1;

    /// <summary>The share that this rank's rows have in the objective.</summary>
    private Tensor OwnObjective(GammaWeights weights, GammaWeights? reverseWeights)
    {
        var (mine, half) = (counts[communicator.Rank], reverseWeights is null ? 1 : 0.5);
        var sum = zeros([], dtype: weights.Objective!.dtype, device: weights.Objective.device);
        for (var view = 0; view < Views; view++) sum = sum.Plus(Of(weights, First(view, communicator.Rank)));
        return reverseWeights is null ? sum : sum.Plus(Of(reverseWeights, First(0, communicator.Rank)));

        Tensor Of(GammaWeights direction, long first) => direction.Objective!.narrow(0, first, mine).SumAll().Times(Share(direction) * half);
    }

    /// <summary>A value with given gradients, once: Σ ⟨x, g⟩ without its value.</summary>
    private static Tensor Attach(Tensor value, (Tensor Input, Tensor Gradient)[] inputs)
    {
        value = value.detach();
        if (!is_grad_enabled()) return value.clone();
        var terms = inputs.Where(pair => pair.Input.requires_grad).Select(pair => pair.Input.to(pair.Gradient.dtype).mul(pair.Gradient).SumAll().to(value.dtype)).ToArray();
        if (terms.Length == 0) return value.clone();
        var sum = terms.Aggregate((left, right) => left.Plus(right));
        return value.Plus(sum.sub(sum.detach()));
    }

    /// <summary>The sums of all anchors, for the E-step, which refuses or skips anchors without a negative.</summary>
    /// <param name="rows">As <see cref="PartitionSums.ToRows"/> gives them; changed.</param>
    /// <param name="needsNegatives">Whether it is to ask for negatives. Where not, positives count as such. Nothing but the question depends on their number.</param>
    private static PartitionSums OfAll(Tensor rows, bool needsNegatives)
    {
        const long negatives = 5, positives = 6;
        if (!needsNegatives) rows.narrow(1, negatives, 1).add_(rows.narrow(1, positives, 1), Scalars.One);
        return PartitionSums.FromRows(rows);
    }

    /// <summary>What two blocks of candidates add to the sums of the same anchors.</summary>
    private static Tensor Merged(Tensor rows, Tensor more)
    {
        using var scope = NewDisposeScope();
        return PartitionSums.FromRows(rows).Merge(PartitionSums.FromRows(more)).ToRows().MoveToOuterDisposeScope();
    }

    /// <summary>Sums of nothing yet: no terms, and logarithms of 0.</summary>
    private static Tensor Nothing(long rows, ScalarType type, Device device)
    {
        var none = zeros([rows, 8], dtype: type, device: device);
        none.narrow(1, 0, 2).fill_(Scalars.NegativeInfinity);
        return none;
    }
}
