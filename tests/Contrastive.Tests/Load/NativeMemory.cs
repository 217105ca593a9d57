using System.Globalization;
using System.Runtime.InteropServices;

namespace Contrastive.Tests.Load;

/// <summary>What the native side of this process holds: tensors and graphs, whether or not anything managed knows of them.</summary>
internal static class NativeMemory
{
    /// <summary>
    /// Whether the C library tells. Resident memory is no substitute: the managed heap's spare room is in it, and what goes into
    /// memory that was freed before is not.
    /// </summary>
    public static bool IsKnown { get; } = Ask();

    /// <summary>
    /// By how many bytes a run of something adds to it: the median of <paramref name="windows"/> stretches of
    /// <paramref name="runs"/> runs. What stays of every run is in every stretch. The runtime's own jumps, megabytes up and down
    /// when it compiles or collects, are in few.
    /// </summary>
    public static double Growth(Action<int> run, int windows, int runs)
    {
        var grown = new long[windows];
        var before = Settled();
        for (var i = 0; i < windows; i++)
        {
            run(runs);
            var after = Settled();
            (grown[i], before) = (after - before, after);
        }

        return MathNet.Numerics.Statistics.Statistics.Median(grown.Select(bytes => (double)bytes)) / runs;
    }

    /// <summary>Rows, width and steps of the tests at full size, as asked for by the environment.</summary>
    public static (long Rows, long Width, int Steps)? FullSize
        => Environment.GetEnvironmentVariable("CONTRASTIVE_LOAD")?.Split('x') is [var rows, var width, var steps]
            ? (long.Parse(rows, CultureInfo.InvariantCulture), long.Parse(width, CultureInfo.InvariantCulture), int.Parse(steps, CultureInfo.InvariantCulture))
            : null;

    /// <summary>The most that was resident since <see cref="TryResetPeak"/>.</summary>
    public static long Peak
        => long.Parse(
            File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))["VmHWM:".Length..].Replace("kB", "", StringComparison.Ordinal),
            CultureInfo.InvariantCulture) * 1024;

    /// <summary>Lets the peak start again. Linux only.</summary>
    public static bool TryResetPeak()
    {
        if (!OperatingSystem.IsLinux()) return false;
        File.WriteAllText("/proc/self/clear_refs", "5");
        return true;
    }

    /// <summary>What the allocator has from the system, in use or free in pieces.</summary>
    public static long Held
    {
        get
        {
            var info = MallInfo();
            return (long)(info.Arena + info.Mapped);
        }
    }

    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var info = MallInfo();
        return (long)(info.InUse + info.Mapped);
    }

    private static bool Ask()
    {
        try
        {
            return OperatingSystem.IsLinux() && MallInfo().InUse > 0;
        }
        catch (Exception notGlibc) when (notGlibc is EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    [DllImport("libc.so.6", EntryPoint = "mallinfo2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern AllocatorInfo MallInfo();

    /// <summary>glibc's struct mallinfo2.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct AllocatorInfo
    {
        public readonly nuint Arena;
        private readonly nuint freeChunks, fastChunks, mappedChunks;
        public readonly nuint Mapped;
        private readonly nuint unused, fastFree;
        public readonly nuint InUse;
        private readonly nuint free, keep;
    }
}
