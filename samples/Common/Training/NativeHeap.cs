using System.Runtime.InteropServices;

namespace Contrastive.Samples;

/// <summary>
/// The heap that libtorch's tensors come from. By default glibc gives what a step freed back to the system, and the next step asks for it again, page by
/// page: that took a sixth of the time of FusionModel's steps.
/// </summary>
internal static class NativeHeap
{
    // malloc.h of glibc, and the largest size that it serves from the heap.
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int LargestOfHeap = 32 << 20;

    /// <summary>Keeps up to a gigabyte of freed memory for the next step. Does nothing where there is no glibc.</summary>
    public static void KeepFreedMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = Set(MmapThreshold, LargestOfHeap);
            _ = Set(TrimThreshold, 1 << 30);
            _ = Set(TopPad, 64 << 20);
        }
        catch (Exception problem) when (problem is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library: nothing to set.
        }
    }

    [DllImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Set(int parameter, int value);
}
