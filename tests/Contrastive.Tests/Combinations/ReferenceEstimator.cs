using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>What an estimator is shown of one anchor.</summary>
/// <param name="Terms">The terms of the batch.</param>
/// <param name="Anchor">The anchor as similarities use it, times 1/τ.</param>
/// <param name="Id">Its sample, if known.</param>
internal sealed record ReferenceAnchor(PartitionTerms Terms, double[] Anchor, long? Id);

/// <summary>An estimator as its documentation reads, its state in plain numbers.</summary>
internal abstract class ReferenceEstimator(long? population)
{
    protected long? Population => population;

    /// <summary>log Ẑ_i and log c_i of each anchor. What it makes of them is kept with <see cref="Commit"/>.</summary>
    public abstract (double LogPartition, double LogScale)[] Estimate(ReferenceAnchor[] anchors);

    public virtual void Commit()
    {
    }

    /// <summary>Candidates as similarities use them, and their samples, if known.</summary>
    public virtual void Observe(double[][] candidates, long[]? ids)
    {
    }

    public abstract void ShouldBe(PartitionEstimator actual, Rounding rounding, string because);
}

internal sealed class ReferenceBatch(long? population) : ReferenceEstimator(population)
{
    public override (double LogPartition, double LogScale)[] Estimate(ReferenceAnchor[] anchors) => [.. anchors.Select(anchor =>
    {
        var scale = anchor.Terms.LogScale(Population);
        return (anchor.Terms.LogEstimate(scale), scale);
    })];

    public override void ShouldBe(PartitionEstimator actual, Rounding rounding, string because) => actual.Should().BeOfType<BatchPartition>();
}

internal sealed class ReferenceTable(int samples, Func<long, double> rho, bool includeCurrentBatch, long population)
    : ReferenceEstimator(population)
{
    private readonly double[] _logPartition = new double[samples];
    private readonly long[] _visits = new long[samples];
    private readonly Dictionary<long, double> _next = [];

    public override (double LogPartition, double LogScale)[] Estimate(ReferenceAnchor[] anchors)
    {
        _next.Clear();
        var used = new Dictionary<long, double>();
        foreach (var sample in anchors.GroupBy(anchor => anchor.Id!.Value))
        {
            // The rows of a sample are one visit.
            var current = sample.Select(row => row.Terms.LogEstimate(row.Terms.LogScale(Population))).Aggregate(Reference.LogAdd)
                - Math.Log(sample.Count());
            var (id, before) = (sample.Key, _logPartition[sample.Key]);
            var step = _visits[id] == 0 ? 1 : rho(_visits[id] + 1);
            _next[id] = step == 1 ? current : Reference.LogAdd(Math.Log(1 - step) + before, Math.Log(step) + current);
            used[id] = includeCurrentBatch ? _next[id] : _visits[id] == 0 ? current : Math.Max(before, current - 60);
        }
        return [.. anchors.Select(anchor => (used[anchor.Id!.Value], anchor.Terms.LogScale(Population)))];
    }

    public override void Commit()
    {
        foreach (var (id, value) in _next)
        {
            _logPartition[id] = value;
            _visits[id]++;
        }
    }

    public override void ShouldBe(PartitionEstimator actual, Rounding rounding, string because)
    {
        var table = (PartitionTable)actual;
        table.Visits.data<long>().Should().Equal(_visits, because);
        (table.LogPartition.to(ScalarType.Float64) - tensor(_logPartition)).abs().max().item<double>()
            .Should().BeLessThanOrEqualTo(rounding.OfLogarithms, because);
    }
}

internal sealed class ReferenceQueue(int capacity, long? population, bool enqueueBatches) : ReferenceEstimator(population)
{
    private readonly List<(double[] Candidate, long Id)> _entries = [];

    public override (double LogPartition, double LogScale)[] Estimate(ReferenceAnchor[] anchors) => [.. anchors.Select(anchor =>
    {
        var terms = anchor.Terms;
        foreach (var (candidate, id) in _entries)
        {
            if (id != anchor.Id) terms = terms.WithNegative(anchor.Anchor.Zip(candidate, (x, y) => x * y).Sum());
        }
        var scale = terms.LogScale(Population);
        // The batch's candidates stand for the queue's as well.
        return (terms.LogEstimate(scale), scale + Math.Log(terms.Negatives) - Math.Log(Math.Max(1, anchor.Terms.Negatives)));
    })];

    public override void Observe(double[][] candidates, long[]? ids)
    {
        if (enqueueBatches) Enqueue(candidates, ids);
    }

    public void Enqueue(double[][] candidates, long[]? ids)
    {
        for (var i = 0; i < candidates.Length; i++) _entries.Add((candidates[i], ids?[i] ?? -1));
        if (_entries.Count > capacity) _entries.RemoveRange(0, _entries.Count - capacity);
    }

    public override void ShouldBe(PartitionEstimator actual, Rounding rounding, string because)
    {
        var queue = (PartitionQueue)actual;
        queue.Count.Should().Be(_entries.Count, because);
        var state = queue.state_dict();
        var (rows, ids) = (Reference.Values(state["candidates"].to(ScalarType.Float64)), state["sample_ids"].data<long>().ToArray());
        var next = state["position"][0].item<long>();
        for (var i = 0; i < _entries.Count; i++)
        {
            var at = (int)((next - _entries.Count + i + capacity) % capacity);
            ids[at].Should().Be(_entries[i].Id, because);
            for (var d = 0; d < _entries[i].Candidate.Length; d++)
                Math.Abs(rows[at, d] - _entries[i].Candidate[d]).Should().BeLessThanOrEqualTo(rounding.OfNumbers * (1 + Math.Abs(rows[at, d])), because);
        }
    }
}
