namespace Contrastive.Samples;

/// <summary>Where the results go, as <c>--out</c> names it. What is wrong with it is known before the work, not after.</summary>
public static class OutputFolder
{
    /// <summary>The folder. Nothing is made yet.</summary>
    /// <exception cref="UserError">It cannot be a folder, or nothing can be written there.</exception>
    public static string Of(string text)
    {
        if (text.Length == 0)
            throw new UserError("--out is empty");
        if (File.Exists(text))
            throw new UserError($"--out {text}: is a file, not a folder");
        Check(text, Path.GetFullPath(text));
        return text;
    }

    /// <summary>A single file. Nothing is made yet.</summary>
    /// <exception cref="UserError">It cannot be a file, or nothing can be written there.</exception>
    public static string OfFile(string text)
    {
        if (text.Length == 0)
            throw new UserError("--out is empty");
        if (Directory.Exists(text))
            throw new UserError($"--out {text}: is a folder, not a file");
        Check(text, Path.GetDirectoryName(Path.GetFullPath(text)) ?? throw new UserError($"--out {text}: is not the name of a file"));
        return text;
    }

    /// <param name="within">A folder in it that is needed too.</param>
    /// <exception cref="UserError">It cannot be made.</exception>
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

    /// <summary>Whether the folder, or the nearest one above it that is there, takes a file.</summary>
    private static void Check(string text, string folder)
    {
        var there = folder;
        while (!Directory.Exists(there))
        {
            if (File.Exists(there))
                throw new UserError($"--out {text}: {there} is a file, not a folder");
            there = Path.GetDirectoryName(there) ?? throw new UserError($"--out {text}: there is no {there}");
        }

        try
        {
            var trial = Path.Combine(there, $".{Guid.NewGuid():N}.tmp");
            File.Create(trial, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--out {text}: nothing can be written in {there}: {problem.Message}", problem);
        }
    }
}
