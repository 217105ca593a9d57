namespace Contrastive.Training;

/// <summary>
/// A file that becomes another one, or nothing. While its writer lives it is locked; the system lets go of the lock when the
/// writer dies, however that happens, so an unlocked one is left over.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    // Of one length, whatever the target is called: names may be as long as the file system allows.
    private const string Prefix = ".contrastive-";
    private const string Suffix = ".tmp";

    /// <summary>On Windows an open file cannot be renamed, so a living writer's file is unlocked for a moment.</summary>
    private static readonly TimeSpan UnlockedOnWindows = TimeSpan.FromMinutes(1);

    private readonly string _path;
    private readonly UnixFileMode? _permissions;

    private TemporaryFile(string path, UnixFileMode? permissions)
    {
        _path = path;
        _permissions = permissions;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None };
        // Whoever may not read the target may not read what is to become it.
        if (!OperatingSystem.IsWindows() && permissions is not null)
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Stream = new FileStream(path, options);
    }

    public FileStream Stream { get; }

    /// <param name="folder">Where the file is to stay in the end.</param>
    /// <param name="permissions">Of the file that is replaced; null where there is none, for what the system gives new ones.</param>
    public static TemporaryFile Create(string folder, UnixFileMode? permissions)
    {
        // Between its creation and its locking, another writer may take a file for left over and remove it.
        for (var attempt = 1; ; attempt++)
        {
            var path = Path.Combine(folder, $"{Prefix}{Path.GetRandomFileName()}{Suffix}");
            try
            {
                var temporary = new TemporaryFile(path, permissions);
                if (File.Exists(path))
                    return temporary;
                temporary.Dispose();
            }
            catch (IOException) when (attempt < 10 && Directory.Exists(folder))
            {
            }
        }
    }

    /// <summary>Removes what killed writers left in a folder; what cannot be removed stays.</summary>
    public static void RemoveLeftOver(string folder)
    {
        try
        {
            string[] found = Directory.GetFiles(folder, $"{Prefix}*{Suffix}");
            if (found.Length == 0 || !LocksWork(folder))
                return;
            foreach (var path in found)
                RemoveIfLeftOver(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // A folder that may be written but not listed.
        }
    }

    /// <summary>Flushes the content to the disk and puts the file in the place of the target.</summary>
    public void MoveTo(string target)
    {
        Stream.Flush(flushToDisk: true);
        if (OperatingSystem.IsWindows())
            Stream.Dispose();
        else if (_permissions is { } permissions)
            File.SetUnixFileMode(Stream.SafeFileHandle, permissions);
        File.Move(_path, target, overwrite: true);
    }

    public void Dispose()
    {
        // Gone after the move; still there after any failure, the caller's own included. Removed before it is unlocked.
        if (OperatingSystem.IsWindows())
            Stream.Dispose();
        File.Delete(_path);
        Stream.Dispose();
    }

    private static void RemoveIfLeftOver(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows() && DateTime.UtcNow - File.GetLastWriteTimeUtc(path) < UnlockedOnWindows)
                return;
            // Locked by its writer, it does not open. The name is random: it cannot be another writer's meanwhile.
            using var leftOver = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // In use, another user's, or gone.
        }
    }

    /// <summary>Some file systems have no locks, and they can be switched off: then a living writer's file looks left over.</summary>
    private static bool LocksWork(string folder)
    {
        using var probe = Create(folder, permissions: null);
        try
        {
            using var second = new FileStream(probe._path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
