namespace Contrastive.Samples;

/// <summary>The folder that <c>--out</c> names.</summary>
public static class OutputFolder
{
    /// <exception cref="UserError">It cannot be a folder.</exception>
    public static string Of(string text)
        => text.Length == 0 ? throw new UserError("--out is empty")
            : File.Exists(text) ? throw new UserError($"--out {text}: is a file, not a folder")
            : text;

    /// <param name="folder">The folder.</param>
    /// <param name="within">A folder in it that is needed too.</param>
    /// <exception cref="UserError">It cannot be made: better known before the work than after.</exception>
    public static void Make(string folder, string within = "")
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, within));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--out {folder}: {problem.Message}", problem);
        }
    }
}
