namespace Contrastive.Training;

/// <summary>Where a symbolic link leads, link by link as the system follows them; to a file that is missing, too.</summary>
internal static class SymbolicLink
{
    /// <summary>As many as Linux follows.</summary>
    private const int Most = 40;

    /// <param name="path">Full.</param>
    /// <returns>The path itself if it is no link.</returns>
    /// <exception cref="IOException">The links lead in a circle.</exception>
    public static string Target(string path)
    {
        if (new FileInfo(path).LinkTarget is null)
            return path;
        // ".." leads out of the folder that a link on the way points to, not back to where the link lies: part by part.
        var parts = new Stack<string>();
        var at = Begin(path, parts);
        var followed = 0;
        while (parts.TryPop(out var part))
        {
            if (part == ".")
                continue;
            var next = part == ".." ? Path.GetDirectoryName(at) ?? at : Path.Combine(at, part);
            if (part == ".." || new FileInfo(next).LinkTarget is not { } target)
                at = next;
            else if (++followed > Most)
                throw new IOException($"more than {Most} symbolic links lead from one to the next");
            else if (Path.IsPathRooted(target))
                at = Begin(target, parts);
            else
                Push(target, parts);
        }

        return at;
    }

    private static string Begin(string path, Stack<string> parts)
    {
        var root = Path.GetPathRoot(path)!;
        Push(path[root.Length..], parts);
        return root;
    }

    private static void Push(string path, Stack<string> parts)
    {
        foreach (var part in path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries).Reverse())
            parts.Push(part);
    }
}
