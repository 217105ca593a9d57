using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>
/// Memory for what is large in a step. The C allocator keeps what is freed, in pieces, where small tensors that outlive it came to lie
/// between: a tile or a matrix of features each step, and after some steps it holds gigabytes. What is allocated here is given back to the
/// system.
/// </summary>
internal static class Workspace
{
    /// <summary>Less than this is nothing to the allocator.</summary>
    private const long Large = 1L << 20;

    /// <summary>glibc takes this much from the system for itself alone, whatever was allocated before; less it may not.</summary>
    private const long AlwaysMapped = (32L << 20) + 4096;

    /// <summary>A tensor with anything in it.</summary>
    public static Tensor Empty(long[] shape, ScalarType dtype, Device device)
    {
        var numbers = shape.Aggregate(1L, (product, size) => product * size);
        var width = dtype == ScalarType.Float64 ? 8 : 4;
        if (device.type != DeviceType.CPU || numbers * width < Large || numbers * width > AlwaysMapped) return empty(shape, dtype: dtype, device: device);

        // What is never written to takes addresses, not memory.
        using var all = empty(AlwaysMapped / width, dtype: dtype, device: device);
        using var part = all.narrow(0, 0, numbers);
        return part.view(shape);
    }

    /// <summary>Zeros of the shape, dtype and device of another tensor.</summary>
    public static Tensor ZerosLike(Tensor other) => Empty(other.shape, other.dtype, other.device).zero_();
}
