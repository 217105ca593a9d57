using System.Text;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>A picture as a file names it, and what the file says of it.</summary>
internal sealed record NamedPicture(string Name, string Path, IReadOnlyList<string> Values);

/// <summary>
/// What is said of pictures: UTF-8, one <c>image&lt;TAB&gt;text</c> a line. A picture may have several lines. Names are relative to the
/// folder of the pictures; absolute ones and those with <c>..</c> are taken as written. Empty lines mean nothing, nor does a first
/// line that begins with <c>image&lt;TAB&gt;</c>.
/// </summary>
internal static class TabbedFile
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="option">Which option names the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="folder">Where the pictures are.</param>
    /// <param name="skipped">Takes the lines that say nothing usable, by number.</param>
    /// <returns>The pictures in the order of their first lines; the same file under two spellings is one picture.</returns>
    /// <exception cref="UserError">The file cannot be read.</exception>
    public static IReadOnlyList<NamedPicture> Read(string option, string path, string folder, List<Skipped> skipped)
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

        var names = new List<(string Name, string Path)>();
        var values = new Dictionary<string, List<string>>();
        foreach (var (number, bytes) in Lines(content))
        {
            if (Parse(bytes, number, out var image, out var value) is { } problem)
            {
                skipped.Add(new Skipped($"{path}, line {number}", problem));
                continue;
            }

            if (image.Length == 0)
                continue;
            var full = Path.GetFullPath(Path.Combine(folder, image));
            if (!values.TryGetValue(full, out var said))
            {
                values[full] = said = [];
                names.Add((image, full));
            }

            // Said twice is said once: it would only be drawn twice as often.
            if (!said.Contains(value))
                said.Add(value);
        }

        return [.. names.Select(picture => new NamedPicture(picture.Name, picture.Path, values[picture.Path]))];
    }

    /// <summary>One text a picture, by its path. Of several the first counts, and the others are skipped.</summary>
    public static IReadOnlyDictionary<string, string> ReadOne(string option, string path, string folder, List<Skipped> skipped)
    {
        var all = Read(option, path, folder, skipped);
        skipped.AddRange(all.Where(picture => picture.Values.Count > 1)
            .Select(picture => new Skipped($"{path}, {picture.Name}", $"is '{picture.Values[0]}' and '{picture.Values[1]}': the first counts")));
        return all.ToDictionary(picture => picture.Path, picture => picture.Values[0]);
    }

    private static string? Parse(ReadOnlySpan<byte> line, int number, out string image, out string value)
    {
        (image, value) = ("", "");
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
        var columns = text.Split('\t');
        if (columns.Length != 2)
            return $"has {columns.Length - 1} tabs, not one between picture and text";
        if (columns[0].Trim().Length == 0)
            return "names no picture";
        if (columns[1].Trim().Length == 0)
            return "says nothing";
        if (columns[0].Contains('\0', StringComparison.Ordinal))
            return "names a picture with a null in its name";
        (image, value) = (columns[0].Trim(), columns[1].Trim());
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
