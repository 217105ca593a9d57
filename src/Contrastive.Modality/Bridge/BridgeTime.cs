using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

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
