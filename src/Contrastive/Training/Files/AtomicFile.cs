namespace Contrastive;

/// <summary>
/// Writes a file whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed. A
/// reader, a crash or a full disk never meets a half-written one.
/// </summary>
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
        var full = Path.GetFullPath(path);
        var temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
            {
                content(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot write {path}: {problem.Message}", problem);
        }
        finally
        {
            // Gone after the rename; still there after any failure, the caller's own included.
            if (File.Exists(temporary))
                File.Delete(temporary);
        }
    }

    /// <inheritdoc cref="Write(string, Action{Stream})"/>
    public static void Write(string path, byte[] content)
    {
        ArgumentNullException.ThrowIfNull(content);
        Write(path, stream => stream.Write(content));
    }
}
