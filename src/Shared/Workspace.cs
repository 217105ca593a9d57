using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>
/// Memory for what is large in a step. The C allocator keeps what is freed, in pieces, where small tensors that outlive it came to lie
/// between: a tile or a matrix of features each step, and after some steps it holds gigabytes. What is allocated here is given back to the
/// system; on Linux it comes in large pages, since thousands of small ones a step would cost as much as the arithmetic on them.
/// </summary>
internal static class Workspace
{
    /// <summary>Less than this is nothing to the allocator.</summary>
    public const long Large = 1L << 20;

    /// <summary>glibc takes this much from the system for itself alone, whatever was allocated before; less it may not.</summary>
    private const long AlwaysMapped = (32L << 20) + 4096;

    private const long LargePage = 2L << 20;

    /// <summary>madvise's MADV_HUGEPAGE.</summary>
    private const int InLargePages = 14;

    private static bool _advises = OperatingSystem.IsLinux();

    /// <summary>A tensor with anything in it.</summary>
    public static Tensor Empty(long[] shape, ScalarType dtype, Device device)
    {
        var numbers = shape.Aggregate(1L, (product, size) => product * size);
        var width = dtype == ScalarType.Float64 ? 8 : 4;
        var bytes = numbers * width;
        if (device.type != DeviceType.CPU || bytes < Large) return empty(shape, dtype: dtype, device: device);

        // What is never written to takes addresses, not memory: enough of them to start at a large page.
        using var all = empty((Math.Max(AlwaysMapped, bytes) + LargePage) / width, dtype: dtype, device: device);
        var first = Advise(all, bytes) / width;
        using var part = all.narrow(0, first, numbers);
        return part.view(shape);
    }

    /// <summary>Zeros of the shape, dtype and device of another tensor.</summary>
    public static Tensor ZerosLike(Tensor other) => Empty(other.shape, other.dtype, other.device).zero_();

    /// <summary>Asks for large pages. Where from the memory's start the first of them is, in bytes; 0 where there are none to be had.</summary>
    private static long Advise(Tensor memory, long bytes)
    {
        if (!_advises || memory.numel() * memory.element_size() > int.MaxValue) return 0;
        var address = Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(memory.bytes));
        var start = (address + LargePage - 1) / LargePage * LargePage;
        try
        {
            // Advice: where the system has none to give, pages are small.
            _ = madvise((nint)start, (nuint)((bytes + LargePage - 1) / LargePage * LargePage), InLargePages);
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            _advises = false;
        }
        return start - address;
    }

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
#pragma warning disable IDE1006, SA1300 // As the C library names it.
    private static extern int madvise(nint address, nuint length, int advice);
#pragma warning restore IDE1006, SA1300
}
