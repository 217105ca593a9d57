using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>Brownian bridges between features, as paths.</summary>
public static class BrownianBridge
{
    /// <summary>
    /// Draws whole trajectories X(s) from <paramref name="from"/> (s = 0) to <paramref name="to"/> (s = 1), with mean
    /// (1-s) from + s to and, in each coordinate on its own, covariance scale² · s(1-t) for s ≤ t.
    /// </summary>
    /// <param name="from">(N, D).</param>
    /// <param name="to">(N, D).</param>
    /// <param name="times">The times s at which the paths are wanted, ascending. Range: 0 ≤ s ≤ 1.</param>
    /// <param name="scale">The standard deviation of the motion over a unit of time. Range: ≥ 0.</param>
    /// <param name="generator">Where the draws come from; by default TorchSharp's global generator. On the features' device.</param>
    /// <returns>(N, times, D), in the features' dtype (half precision is widened to float32), without a graph.</returns>
    /// <exception cref="ArgumentException">The features do not fit together, or the times are not ascending in [0, 1].</exception>
    public static Tensor SamplePaths(
        Tensor from, Tensor to, IReadOnlyList<double> times, double scale = 1, Generator? generator = null)
    {
        Guard.Features(from);
        Guard.Features(to);
        Guard.Comparable(from, to);
        Guard.SameRows(from, to);
        Guard.DrawsOn(generator, from);
        ArgumentNullException.ThrowIfNull(times);
        Guard.Weight(scale);
        if (times.Count == 0) throw new ArgumentException("times are empty", nameof(times));
        for (var i = 0; i < times.Count; i++)
        {
            if (!(times[i] >= 0 && times[i] <= 1))
                throw new ArgumentOutOfRangeException(nameof(times), times[i], $"times must lie in [0, 1] but times[{i}] is {times[i]}");
            if (i > 0 && times[i] < times[i - 1])
                throw new ArgumentException($"times must ascend but times[{i}] is {times[i]} after {times[i - 1]}", nameof(times));
        }

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var start = UnitRows.Widen(from.detach()).unsqueeze(1);    // (N, 1, D)
        var end = UnitRows.Widen(to.detach()).unsqueeze(1);

        // The bridge is W(s) - s W(1), with W a Wiener process: a sum of independent increments, the last one up to s = 1.
        double[] at = [.. times, 1];
        var steps = at.Select((time, i) => Math.Sqrt(time - (i == 0 ? 0 : at[i - 1]))).ToArray();
        var increments = randn(
            [start.shape[0], at.Length, start.shape[2]], dtype: start.dtype, device: start.device, generator: generator);
        var wiener = increments.mul(Column(steps)).cumsum(1);
        var s = Column([.. times]);
        var noise = wiener.narrow(1, 0, times.Count).sub(wiener.narrow(1, times.Count, 1).mul(s));
        return start.Plus(end.sub(start).mul(s)).Plus(noise.Times(scale)).MoveToOuterDisposeScope();

        Tensor Column(double[] values)
            => tensor(values, dtype: start.dtype, device: start.device).view(1, -1, 1);
    }
}

/// <summary>
/// Where on the bridge an augmented feature is expected: λ, the weight of its own modality's feature in the mean (the other
/// modality's has 1 - λ).
/// </summary>
public sealed class BridgeTime
{
    private readonly double _low;
    private readonly double _high;
    private readonly bool _perItem;

    private BridgeTime(double low, double high, bool perItem)
    {
        _low = low;
        _high = high;
        _perItem = perItem;
    }

    /// <summary>The same time always; 0.25 in the paper.</summary>
    /// <param name="time">Range: 0.0001 ≤ λ ≤ 0.9999.</param>
    /// <exception cref="ArgumentOutOfRangeException">λ is out of range.</exception>
    public static BridgeTime Fixed(double time)
    {
        Check(time, nameof(time));
        return new BridgeTime(time, time, perItem: false);
    }

    /// <summary>A time drawn uniformly anew at each step.</summary>
    /// <param name="low">The earliest. Range: 0.0001 ≤ low &lt; high.</param>
    /// <param name="high">The latest. Range: low &lt; high ≤ 0.9999.</param>
    /// <param name="perItem">Whether each item of the batch gets one of its own.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public static BridgeTime Drawn(double low, double high, bool perItem = false)
    {
        Check(low, nameof(low));
        Check(high, nameof(high));
        if (high <= low)
            throw new ArgumentOutOfRangeException(nameof(high), high, $"high must be more than low, {low}, but is {high}");
        return new BridgeTime(low, high, perItem);
    }

    /// <summary>(count, 1): the time of each item.</summary>
    internal Tensor Draw(long count, ScalarType dtype, Device device, Generator? generator)
    {
        if (_low == _high)
        {
            using var time = _low.ToScalar();
            return full(count, 1, time, dtype: dtype, device: device);
        }
        var uniform = rand(_perItem ? [count, 1] : [1, 1], dtype: dtype, device: device, generator: generator);
        return uniform.Times(_high - _low).Plus(_low).expand(count, 1);
    }

    private static void Check(double time, string name)
    {
        // Closer to an end the variance λ(1-λ) has no digits left in float32.
        Guard.Between(time, 1e-4, 1 - 1e-4, name);
    }
}
