using System.Text;

namespace Contrastive.Samples;

/// <summary>A picture as a file names it, and what the file says of it.</summary>
public sealed record NamedPicture(string Name, string Path, IReadOnlyList<string> Values);

/// <summary>
/// What is said of pictures: UTF-8, one <c>image&lt;TAB&gt;text</c> a line. A picture may have several lines. Names are relative to the
/// folder of the pictures; absolute ones and those with <c>..</c> are taken as written. Empty lines mean nothing, nor does a first
/// line that begins with <c>image&lt;TAB&gt;</c>.
/// </summary>
public static class TabbedFile
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="option">Which option names the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="folder">Where the pictures are.</param>
    /// <param name="skipped">Takes the lines that say nothing usable, by number.</param>
    /// <returns>The pictures in the order of their first lines; the same file under two spellings is one picture.</returns>
    /// <exception cref="UserError">The file cannot be read.</exception>
    public static IReadOnlyList<NamedPicture> Read(string option, string path, string folder, List<Skipped> skipped)
        // Said twice is said once: it would only be drawn twice as often.
        => [.. ReadRows(option, path, folder, 1, skipped).GroupBy(row => row.Path)
            .Select(rows => rows.First() with { Values = [.. rows.Select(row => row.Values[0]).Distinct()] })];

    /// <summary>Every line by itself, as <c>image&lt;TAB&gt;question&lt;TAB&gt;answer</c> has two values.</summary>
    /// <param name="option">Which option names the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="folder">Where the pictures are.</param>
    /// <param name="values">How many values a line has behind the picture.</param>
    /// <param name="skipped">Takes the lines that say nothing usable, by number.</param>
    /// <exception cref="UserError">The file cannot be read.</exception>
    public static IReadOnlyList<NamedPicture> ReadRows(string option, string path, string folder, int values, List<Skipped> skipped)
    {
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{option} {path}: {problem.Message}", problem);
        }

        var rows = new List<NamedPicture>();
        foreach (var (number, bytes) in Lines(content))
        {
            if (Parse(bytes, number, values, out var columns) is { } problem)
                skipped.Add(new Skipped($"{path}, line {number}", problem));
            else if (columns.Length > 0)
                rows.Add(new NamedPicture(columns[0], Path.GetFullPath(Path.Combine(folder, columns[0])), columns[1..]));
        }

        return rows;
    }

    /// <summary>One text a picture, by its path. Of several the first counts, and the others are skipped.</summary>
    public static IReadOnlyDictionary<string, string> ReadOne(string option, string path, string folder, List<Skipped> skipped)
    {
        var all = Read(option, path, folder, skipped);
        skipped.AddRange(all.Where(picture => picture.Values.Count > 1)
            .Select(picture => new Skipped($"{path}, {picture.Name}", $"is '{picture.Values[0]}' and '{picture.Values[1]}': the first counts")));
        return all.ToDictionary(picture => picture.Path, picture => picture.Values[0]);
    }

    private static string? Parse(ReadOnlySpan<byte> line, int number, int values, out string[] columns)
    {
        columns = [];
        string text;
        try
        {
            text = Strict.GetString(line).TrimEnd('\r');
        }
        catch (DecoderFallbackException)
        {
            return "is not UTF-8";
        }

        if (number == 1)
            text = text.TrimStart('\uFEFF');
        if (string.IsNullOrWhiteSpace(text) || (number == 1 && text.StartsWith("image\t", StringComparison.Ordinal)))
            return null;
        string[] parts = [.. text.Split('\t').Select(part => part.Trim())];
        if (parts.Length != values + 1)
            return $"has {parts.Length - 1} tabs, not {(values == 1 ? "one between picture and text" : $"{values}")}";
        if (parts[0].Length == 0)
            return "names no picture";
        if (parts.Any(part => part.Length == 0))
            return "says nothing";
        if (parts[0].Contains('\0', StringComparison.Ordinal))
            return "names a picture with a null in its name";
        columns = parts;
        return null;
    }

    private static IEnumerable<(int Number, byte[] Bytes)> Lines(byte[] content)
    {
        for (int start = 0, number = 1; start < content.Length; number++)
        {
            var length = Array.IndexOf(content, (byte)'\n', start) is >= 0 and var end ? end - start : content.Length - start;
            yield return (number, content[start..(start + length)]);
            start += length + 1;
        }
    }
}

/// <summary>A line of a file, or a picture, that could not be used.</summary>
/// <param name="Name">The picture as it was written, or the file and line.</param>
/// <param name="Reason">Why.</param>
public sealed record Skipped(string Name, string Reason)
{
    private const int MostNamed = 50;

    public override string ToString() => $"{Name}: {Reason}";

    /// <summary>Names what was skipped, up to a number that can be read.</summary>
    public static void Report(IReadOnlyList<Skipped> skipped, Action<string> line)
    {
        foreach (var one in skipped.Take(MostNamed))
            line($"skipped {one}");
        if (skipped.Count > MostNamed)
            line($"skipped {skipped.Count - MostNamed} more");
    }
}
