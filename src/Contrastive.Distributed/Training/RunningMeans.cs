using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// Means over the rows of all ranks: sums and weights in float64, which meet once, when the means are taken. So uneven slices, and ranks without any
/// rows, count for what they are.
/// </summary>
public sealed class RunningMeans
{
    private readonly Communicator _communicator;
    private readonly string[] _names;
    private readonly double[] _totals;

    /// <summary>Creates the means, of nothing yet.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="names">What is measured, in the same order on all ranks.</param>
    /// <exception cref="ArgumentException">There is no name, or one twice.</exception>
    public RunningMeans(Communicator communicator, params IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(names);
        if (names.Count == 0) throw new ArgumentException("there is no name", nameof(names));
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"'{twice.Key}' is there {twice.Count()} times", nameof(names));
        (_communicator, _names, _totals) = (communicator, [.. names], new double[2 * names.Count]);
    }

    /// <summary>Adds a mean of this rank's.</summary>
    /// <param name="name">One of the names.</param>
    /// <param name="mean">Of <paramref name="weight"/> rows.</param>
    /// <param name="weight">How much it counts, as a rule the number of rows. Range: finite and ≥ 0.</param>
    /// <exception cref="ArgumentException">There is no such name, or the weight is out of range.</exception>
    public void Add(string name, double mean, double weight = 1)
    {
        var index = Array.IndexOf(_names, name);
        if (index < 0) throw new ArgumentException($"there is no '{name}' among {string.Join(", ", _names)}", nameof(name));
        Guard.Weight(weight);
        if (weight == 0) return;
        _totals[2 * index] += mean * weight;
        _totals[(2 * index) + 1] += weight;
    }

    /// <summary>The means over all ranks, the same on each, and a new start; all ranks call it. NaN where nothing was added.</summary>
    public IReadOnlyDictionary<string, double> Take()
    {
        using var sums = tensor(_totals, dtype: ScalarType.Float64);
        _communicator.AllReduce(sums);
        Array.Clear(_totals);
        var values = sums.data<double>().ToArray();
        return _names.Select((name, index) => (name, Mean: values[2 * index] / values[(2 * index) + 1])).ToDictionary(entry => entry.name, entry => entry.Mean);
    }
}
