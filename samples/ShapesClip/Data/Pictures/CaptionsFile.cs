using System.Text;

namespace Contrastive.Samples.ShapesClip.Data.Pictures;

/// <summary>A picture by the name that the captions file gives it, and what the file says of it.</summary>
internal sealed record CaptionedFile(string Name, string Path, IReadOnlyList<string> Captions);

/// <summary>
/// A captions file: UTF-8, one <c>image&lt;TAB&gt;caption</c> a line. A picture may have several lines. Names are relative to
/// the folder of the pictures; absolute ones and those with <c>..</c> are taken as written. Empty lines mean nothing, nor
/// does a first line <c>image&lt;TAB&gt;caption</c>.
/// </summary>
internal static class CaptionsFile
{
    public const string StandardName = "captions.tsv";

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="path">The file.</param>
    /// <param name="folder">Where the pictures are.</param>
    /// <param name="skipped">Takes the lines that say nothing usable, by number.</param>
    /// <returns>The pictures in the order of their first lines; the same file under two spellings is one picture.</returns>
    /// <exception cref="UserError">The file cannot be read.</exception>
    public static IReadOnlyList<CaptionedFile> Read(string path, string folder, List<Skipped> skipped)
    {
        var names = new List<(string Name, string Path)>();
        var captions = new Dictionary<string, List<string>>();
        foreach (var (number, bytes) in Lines(path, folder))
        {
            if (Parse(bytes, number, out var image, out var caption) is { } problem)
            {
                skipped.Add(new Skipped($"{path}, line {number}", problem));
                continue;
            }

            if (image.Length == 0)
                continue;
            var full = Path.GetFullPath(Path.Combine(folder, image));
            if (!captions.TryGetValue(full, out var said))
            {
                captions[full] = said = [];
                names.Add((image, full));
            }

            // Said twice is said once: it would only be drawn twice as often.
            if (!said.Contains(caption))
                said.Add(caption);
        }

        return [.. names.Select(picture => new CaptionedFile(picture.Name, picture.Path, captions[picture.Path]))];
    }

    private static string? Parse(ReadOnlySpan<byte> line, int number, out string image, out string caption)
    {
        (image, caption) = ("", "");
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
        if (string.IsNullOrWhiteSpace(text) || (number == 1 && text == "image\tcaption"))
            return null;
        var columns = text.Split('\t');
        if (columns.Length != 2)
            return $"has {columns.Length - 1} tabs, not one between picture and caption";
        if (columns[0].Trim().Length == 0)
            return "names no picture";
        if (columns[1].Trim().Length == 0)
            return "has no caption";
        if (columns[0].Contains('\0', StringComparison.Ordinal))
            return "names a picture with a null in its name";
        (image, caption) = (columns[0].Trim(), columns[1].Trim());
        return null;
    }

    private static IEnumerable<(int Number, byte[] Bytes)> Lines(string path, string folder)
    {
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (FileNotFoundException problem) when (path == Path.Combine(folder, StandardName))
        {
            // It was not named: what is wrong is the folder.
            throw new UserError($"--image-dir {folder}: there is no {StandardName} in it; --captions names another file", problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--captions {path}: {problem.Message}", problem);
        }

        for (int start = 0, number = 1; start < content.Length; number++)
        {
            var length = Array.IndexOf(content, (byte)'\n', start) is >= 0 and var end ? end - start : content.Length - start;
            yield return (number, content[start..(start + length)]);
            start += length + 1;
        }
    }
}
