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

    /// <summary>The loss of a batch whose row i belongs to row i (of one set: to the row of the other view), with the value of L_1.</summary>
    /// <param name="a">(n, D), with a graph.</param>
    /// <param name="b">(m, D), likewise.</param>
    /// <param name="ids">The samples of a's rows.</param>
    /// <param name="inverseTemperature">1/τ, (), perhaps with a graph.</param>
    public Tensor Loss(Tensor a, Tensor b, long[] ids, Tensor inverseTemperature)
    {
        var (left, right) = (Unit(a), Unit(b));
        if (oneSet) left = right = cat([left, right]);
        var rows = oneSet ? [.. ids, .. ids] : ids;
        var (forward, weights) = Direction(left, right, rows, _anchors, oneSet ? _anchors : _candidates, inverseTemperature);
        Tensor loss = forward;
        double[]? reverseWeights = null;
        if (symmetric)
        {
            (var backward, reverseWeights) = Direction(right, left, rows, _candidates, _anchors, inverseTemperature);
            loss = (forward + backward) * 0.5;
        }
        for (var i = 0; i < rows.Length; i++)
        {
            _anchors.Add(new Entry(left[i].detach().clone(), rows[i], weights[i]));
            if (!oneSet) _candidates.Add(new Entry(right[i].detach().clone(), rows[i], reverseWeights?[i] ?? 0));
        }
        Forget(_anchors);
        Forget(_candidates);
        return loss;
    }

    private (Tensor Loss, double[] Weights) Direction(
        Tensor anchors, Tensor candidates, long[] ids, List<Entry> rememberedAnchors, List<Entry> rememberedCandidates, Tensor scale)
    {
        var n = ids.Length;
        var (sum, push, weights) = (zeros(1, dtype: ScalarType.Float64), zeros(1, dtype: ScalarType.Float64), new double[n]);
        var others = Newest(rememberedCandidates);
        for (var i = 0; i < n; i++)
        {
            var positive = Positive(i, n);
            var own = (anchors[i] * candidates[positive]).sum() * scale;
            var terms = new List<Tensor>();
            for (var j = 0; j < n; j++)
            {
                if (j != i && j != positive && ids[j] != ids[i]) terms.Add(((anchors[i] * candidates[j]).sum() * scale).exp());
            }
            terms.AddRange(others.Where(entry => entry.Id != ids[i]).Select(entry => ((anchors[i] * entry.Row).sum() * scale).exp()));
            var negatives = terms.Aggregate(zeros(1, dtype: ScalarType.Float64), (total, term) => total + term) * ((population - 1.0) / terms.Count);
            var partition = own.exp() + negatives;
            weights[i] = 1 / partition.item<double>();
            sum = sum + (partition * weights[i]) - own;

            // As a candidate, pushed by what was an anchor.
            foreach (var entry in Newest(rememberedAnchors).Where(entry => entry.Id != ids[i]))
                push = push + (((entry.Row * candidates[i]).sum() * scale.detach()).exp() * (entry.Weight * (population - 1.0) / CountForCandidate(i)));
        }
        return ((sum + push - push.detach()).squeeze() / n, weights);

        // The negatives of row i as an anchor of the other direction.
        double CountForCandidate(int i)
            => Enumerable.Range(0, n).Count(j => j != i && j != Positive(i, n) && ids[j] != ids[i]) + Newest(rememberedAnchors).Count(entry => entry.Id != ids[i]);
    }

    private int Positive(int i, int n) => oneSet ? (i + (n / 2)) % n : i;

    private List<Entry> Newest(List<Entry> entries) => entries[Math.Max(0, entries.Count - Length)..];

    private void Forget(List<Entry> entries)
    {
        if (entries.Count > capacity) entries.RemoveRange(0, entries.Count - capacity);
    }

    private static Tensor Unit(Tensor x) => x / x.norm(1, keepdim: true, 2);

    private sealed record Entry(Tensor Row, long Id, double Weight);
}
