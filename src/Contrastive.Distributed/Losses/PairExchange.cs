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

    private int Views => pairs.Mode == ContrastMode.TwoViews ? 2 : 1;

    public DistributedResult Evaluate(Tensor anchors, Tensor candidates, Tensor? sampleIds, Tensor? labels)
    {
        var (map, ids) = Map(sampleIds, labels);
        // With two views both are anchors and candidates; the rows of the second view come after all of the first.
        Tensor[] own = Views == 2 ? [anchors.detach(), candidates.detach()] : [anchors.detach()];
        Tensor[] others = Views == 2 ? own : [candidates.detach()];

        var (sums, reverseSums) = Sums(own, others, map);
        using var weights = pairs.ExpectationStep(sums, null, ids);
        using var reverseWeights = reverseSums is null ? null : pairs.ExpectationStep(reverseSums, null, ids, reverse: true);
        var (value, byAnchors, byCandidates, parameters) = Differentiate(own, others, map, weights, reverseWeights);

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

    private (PartitionSums Sums, PartitionSums? Reverse) Sums(Tensor[] own, Tensor[] others, PairMap map)
    {
        var (rank, width) = (communicator.Rank, 8L);
        var sums = new PartitionSums?[own.Length];
        var type = UnitRows.ComputeType(own[0].dtype);
        // Sums of nothing yet: no terms, and logarithms of 0.
        Tensor None(Tensor rows) => Nothing(rows.shape[0], width, type, rows.device);
        Tensor Merged(Tensor rows, Tensor more) => PartitionSums.FromRows(rows).Merge(PartitionSums.FromRows(more)).ToRows();
        var carried = Visit(others, _isSymmetric ? None : null, Merged, (view, first, rows, with) =>
        {
            for (var a = 0; a < own.Length; a++)
            {
                if (own[a].shape[0] == 0) continue;
                var block = map.Block(First(a, rank), own[a].shape[0], first, rows.shape[0]);
                PartitionSums part;
                if (with is null) part = pairs.SumPartition(own[a], rows, block);
                else
                {
                    (part, var ofCandidates) = pairs.SumPartitions(own[a], rows, block);
                    with.copy_(PartitionSums.FromRows(with).Merge(ofCandidates).ToRows());
                }
                sums[a] = sums[a]?.Merge(part) ?? part;
            }
        });
        var all = own.Select((rows, a) => communicator.AllGatherRows(sums[a]?.ToRows() ?? None(rows)));
        var merged = PartitionSums.FromRows(cat([.. all]));
        if (!_isSymmetric) return (merged, null);

        var reverse = carried[0];
        if (!isRing)
        {
            // Each rank merges what all of them have of its candidates.
            var parts = communicator.ExchangeRows(reverse, counts);
            var mine = counts[rank];
            reverse = mine == 0
                ? parts
                : Enumerable.Range(0, communicator.Size).Select(from => PartitionSums.FromRows(parts.narrow(0, from * mine, mine)))
                    .Aggregate((left, right) => left.Merge(right)).ToRows();
        }
        return (merged, PartitionSums.FromRows(communicator.AllGatherRows(reverse)));
    }

    private (Tensor Value, Tensor[] ByAnchors, Tensor[] ByCandidates, (Tensor, Tensor)[] Parameters) Differentiate(
        Tensor[] own, Tensor[] others, PairMap map, GammaWeights weights, GammaWeights? reverseWeights)
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
        if (!differentiates) return (value, byAnchors, [.. others.Select(rows => zeros_like(rows, dtype: type))], []);
        Tensor[] byCandidates = isRing ? carried : [.. carried.Select(rows => communicator.ReduceScatterRows(rows, counts))];
        return (value, byAnchors, byCandidates, [.. learned.Zip(byLearned)]);
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

    private static Tensor Nothing(long rows, long width, ScalarType type, Device device)
    {
        var none = zeros([rows, width], dtype: type, device: device);
        none.narrow(1, 0, 2).fill_(Scalars.NegativeInfinity);
        return none;
    }
}
