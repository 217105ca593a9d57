using System.Runtime.InteropServices;

namespace Contrastive.Training;

/// <summary>
/// Flushes a folder to the disk: without it a power cut may take back a rename. .NET opens no folders, so on Unix the C library
/// does it; Windows has no such call.
/// </summary>
internal static class FolderFlush
{
    private const int ReadOnly = 0;
    private const int Interrupted = 4;
    private const int NotSupported = 22;

    /// <exception cref="IOException">The disk refuses.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        var opened = Open(folder, ReadOnly);
        // A folder that may be written but not read.
        if (opened < 0)
            return;
        try
        {
            while (Synchronize(opened) != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == NotSupported)
                    return;
                if (error != Interrupted)
                    throw new IOException($"the folder {folder} cannot be flushed: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }
        finally
        {
            _ = Close(opened);
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Synchronize(int file);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int file);
}
