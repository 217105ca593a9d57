using static TorchSharp.torch;

namespace Contrastive.Tests.Memory;

/// <summary>
/// The decomposable loss with a memory as its formulas read, pair by pair: sums over candidates of batch and memory for the batch's anchors
/// (L_1), and over remembered anchors for the batch's candidates (L_2), whose value does not count and which moves no temperature.
/// </summary>
/// <param name="population">N.</param>
/// <param name="capacity">Of the memory.</param>
/// <param name="symmetric">Whether candidates are anchors too.</param>
/// <param name="oneSet">Whether anchors and candidates are the same rows (two views).</param>
internal sealed class MemoryReference(long population, int capacity, bool symmetric, bool oneSet)
{
    private readonly List<Entry> _anchors = [];
    private readonly List<Entry> _candidates = [];

    /// <summary>How many of the newest entries count.</summary>
    public int Length { get; set; }

    /// <summary>Whether the loss is a sum over anchors rather than their mean.</summary>
    public bool IsSum { get; init; }

    /// <summary>The loss of a batch whose row i belongs to row i (of one set: to the row of the other view), with the value of L_1.</summary>
    /// <param name="a">(n, D), with a graph.</param>
    /// <param name="b">(n, D), likewise.</param>
    /// <param name="ids">The samples of the rows.</param>
    /// <param name="inverseTemperature">1/τ, (), perhaps with a graph.</param>
    public Tensor Loss(Tensor a, Tensor b, long[] ids, Tensor inverseTemperature)
    {
        var (left, right) = (Unit(a), Unit(b));
        if (!oneSet) return Loss(left, right, ids, ids, inverseTemperature, (i, j) => i == j ? Pair.Positive : ids[i] == ids[j] ? Pair.None : Pair.Negative);
        var (rows, n) = (cat([left, right]), ids.Length);
        long[] twice = [.. ids, .. ids];
        return Loss(
            rows, rows, twice, twice, inverseTemperature,
            (i, j) => i == j ? Pair.None : Math.Abs(i - j) == n ? Pair.Positive : twice[i] == twice[j] ? Pair.None : Pair.Negative);
    }

    /// <summary>The loss of a batch where each row belongs to all rows of its label on the other side.</summary>
    /// <param name="a">(n, D), with a graph.</param>
    /// <param name="b">(m, D), likewise.</param>
    /// <param name="labels">Of a's rows.</param>
    /// <param name="others">Of b's.</param>
    /// <param name="inverseTemperature">1/τ, ().</param>
    public Tensor LossOfLabels(Tensor a, Tensor b, long[] labels, long[] others, Tensor inverseTemperature)
        => Loss(Unit(a), Unit(b), labels, others, inverseTemperature, (i, j) => labels[i] == others[j] ? Pair.Positive : Pair.Negative);

    private Tensor Loss(Tensor left, Tensor right, long[] ids, long[] others, Tensor scale, Func<int, int, Pair> pair)
    {
        var (loss, weights) = Direction(left, right, ids, others, _anchors, oneSet ? _anchors : _candidates, scale, pair);
        double[]? reverseWeights = null;
        if (symmetric)
        {
            (var backward, reverseWeights) = Direction(right, left, others, ids, _candidates, _anchors, scale, (j, i) => pair(i, j));
            loss = (loss + backward) * 0.5;
        }
        for (var i = 0; i < ids.Length; i++) _anchors.Add(new Entry(left[i].detach().clone(), ids[i], weights[i]));
        if (!oneSet)
        {
            for (var j = 0; j < others.Length; j++) _candidates.Add(new Entry(right[j].detach().clone(), others[j], reverseWeights?[j] ?? 0));
        }
        Forget(_anchors);
        Forget(_candidates);
        return loss;
    }

    private (Tensor Loss, double[] Weights) Direction(
        Tensor anchors,
        Tensor candidates,
        long[] ids,
        long[] candidateIds,
        List<Entry> rememberedAnchors,
        List<Entry> rememberedCandidates,
        Tensor scale,
        Func<int, int, Pair> pair)
    {
        var (n, m) = (ids.Length, candidateIds.Length);
        var (sum, push, weights) = (zeros(1, dtype: ScalarType.Float64), zeros(1, dtype: ScalarType.Float64), new double[n]);
        var counted = 0;
        for (var i = 0; i < n; i++)
        {
            var positives = Enumerable.Range(0, m).Where(j => pair(i, j) == Pair.Positive).Select(j => (anchors[i] * candidates[j]).sum() * scale).ToList();
            var terms = Enumerable.Range(0, m).Where(j => pair(i, j) == Pair.Negative).Select(j => ((anchors[i] * candidates[j]).sum() * scale).exp())
                .Concat(Newest(rememberedCandidates).Where(entry => entry.Id != ids[i]).Select(entry => ((anchors[i] * entry.Row).sum() * scale).exp())).ToList();
            var k = positives.Count;
            // An anchor without a positive is skipped, and pushes nothing when it is remembered.
            if (k == 0) continue;
            counted++;
            var partition = Sum(positives.Select(s => s.exp())) + (Sum(terms) * ((population - k) / (double)terms.Count));
            weights[i] = 1 / partition.item<double>();
            sum = sum + (partition * weights[i]) - (Sum(positives) / k);
        }
        for (var j = 0; j < m; j++)
        {
            // As a candidate, pushed by what was an anchor; its negatives are those it has as an anchor of the other direction.
            var pushing = Newest(rememberedAnchors).Where(entry => entry.Id != candidateIds[j]).ToList();
            var negatives = Enumerable.Range(0, n).Count(i => pair(i, j) == Pair.Negative) + pushing.Count;
            var k = Enumerable.Range(0, n).Count(i => pair(i, j) == Pair.Positive);
            foreach (var entry in pushing)
                push = push + (((entry.Row * candidates[j]).sum() * scale.detach()).exp() * (entry.Weight * (population - k) / negatives));
        }
        return ((sum + push - push.detach()).squeeze() / (IsSum ? 1 : Math.Max(1, counted)), weights);

        static Tensor Sum(IEnumerable<Tensor> parts) => parts.Aggregate(zeros(1, dtype: ScalarType.Float64), (total, part) => total + part);
    }

    private List<Entry> Newest(List<Entry> entries) => entries[Math.Max(0, entries.Count - Length)..];

    private void Forget(List<Entry> entries)
    {
        if (entries.Count > capacity) entries.RemoveRange(0, entries.Count - capacity);
    }

    private static Tensor Unit(Tensor x) => x / x.norm(1, keepdim: true, 2);

    private enum Pair
    {
        None,
        Negative,
        Positive,
    }

    private sealed record Entry(Tensor Row, long Id, double Weight);
}
