using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Contrastive.Benchmarks.Memory;

/// <summary>The resident memory of this process, native and managed, in bytes.</summary>
internal static partial class ProcessMemory
{
    private const string Status = "/proc/self/status";

    public static long Resident
    {
        get
        {
            if (OperatingSystem.IsLinux()) return FromStatus("VmRSS:");
            using var self = Process.GetCurrentProcess();
            return self.WorkingSet64;
        }
    }

    /// <summary>The most it was since <see cref="TryResetPeak"/>, or since the start where that is not possible.</summary>
    public static long Peak
    {
        get
        {
            if (OperatingSystem.IsLinux()) return FromStatus("VmHWM:");
            using var self = Process.GetCurrentProcess();
            return self.PeakWorkingSet64;
        }
    }

    /// <summary>Lets the peak start again from what is resident now. Linux only.</summary>
    public static bool TryResetPeak()
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// Gives back what was freed: memory that the allocator kept would otherwise count as in use before a step, and a step that
    /// uses it again would seem to need less than it does.
    /// </summary>
    public static void ReleaseFreed()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = TrimHeap(0);
        }
        catch (Exception notGlibc) when (notGlibc is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library, which keeps less.
        }
    }

    [DllImport("libc.so.6", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int TrimHeap(nuint keep);

    /// <summary>A line such as "VmHWM:     123456 kB".</summary>
    private static long FromStatus(string name)
    {
        var line = File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"{Status} has no {name}");
        return long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
    }
}
