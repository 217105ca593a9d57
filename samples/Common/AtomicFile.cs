namespace Contrastive.Samples;

/// <summary>
/// Writes a file whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed. A
/// reader, a crash or a full disk never meets a half-written one.
/// </summary>
public static class AtomicFile
{
    /// <exception cref="UserError">The folder or the file cannot be written.</exception>
    public static void Write(string path, Action<Stream> content)
    {
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
            throw new UserError($"cannot write {path}: {problem.Message}", problem);
        }
        finally
        {
            // Gone after the rename; still there after any failure, the caller's own included.
            if (File.Exists(temporary))
                File.Delete(temporary);
        }
    }

    public static void Write(string path, byte[] content) => Write(path, stream => stream.Write(content));
}
