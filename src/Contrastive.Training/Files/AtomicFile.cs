namespace Contrastive.Training;

/// <summary>
/// Writes a file whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed, and the
/// folder flushed. A reader, a crash or a full disk never meets a half-written one.
/// </summary>
/// <remarks>
/// <para>A symbolic link stays one: what it points to is replaced. On Unix the permissions of a replaced file are kept, and
/// no one else may read the temporary file of one. Other hard links to a replaced file keep the old content, and the new file
/// belongs to the user who wrote it.</para>
/// <para>A writer that was killed leaves its temporary file (<c>.contrastive-….tmp</c>). The next write into that folder
/// removes it. Files of writers that are still at work are locked, and stay.</para>
/// </remarks>
public static class AtomicFile
{
    /// <summary>Writes a file, and the folders on its way where they are missing.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="content">Writes the content; if it throws, the old file stays as it was. The stream can seek.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The folder or the file cannot be written; the message names it.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(content);
        try
        {
            var target = SymbolicLink.Target(Path.GetFullPath(path));
            var created = CreateFolder(Path.GetDirectoryName(target)!);
            TemporaryFile.RemoveLeftOver(created[0]);
            using (var temporary = TemporaryFile.Create(created[0], PermissionsOf(target)))
            {
                content(temporary.Stream);
                temporary.MoveTo(target);
            }

            foreach (var folder in created)
                FolderFlush.Flush(folder);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot write {path}: {problem.Message}", problem);
        }
    }

    /// <inheritdoc cref="Write(string, Action{Stream})"/>
    public static void Write(string path, byte[] content)
    {
        ArgumentNullException.ThrowIfNull(content);
        Write(path, stream => stream.Write(content));
    }

    /// <returns>The folder, and those above it that have a new entry now.</returns>
    private static List<string> CreateFolder(string folder)
    {
        List<string> changed = [folder];
        while (!Directory.Exists(changed[^1]) && Path.GetDirectoryName(changed[^1]) is { } above)
            changed.Add(above);
        Directory.CreateDirectory(folder);
        return changed;
    }

    private static UnixFileMode? PermissionsOf(string path)
        => !OperatingSystem.IsWindows() && File.Exists(path) ? File.GetUnixFileMode(path) : null;
}
