namespace Contrastive.Samples.FusionModel.Data;

/// <summary>The pictures of a folder that some files speak of, each read once.</summary>
/// <param name="folder">Where they are.</param>
/// <param name="side">Pixels a side of a box.</param>
/// <param name="boxes">How many squares stand side by side in a picture.</param>
internal sealed class PictureFiles(string folder, int side, int boxes)
{
    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<byte[]> _pictures = [];

    public IReadOnlyList<byte[]> Pictures => _pictures;

    /// <summary>The lines of a file whose pictures can be used; the others are named.</summary>
    /// <exception cref="UserError">No line is left, or the file or the folder cannot be read.</exception>
    public IReadOnlyList<(int Picture, IReadOnlyList<string> Values)> Read(string option, string path, int values, SampleConsole console)
    {
        if (!Directory.Exists(folder))
            throw new UserError($"--images {folder}: {(File.Exists(folder) ? "is a file, not a folder" : "there is no such folder")}");
        var skipped = new List<Skipped>();
        var lines = new List<(int Picture, IReadOnlyList<string> Values)>();
        var broken = new HashSet<string>();
        foreach (var row in TabbedFile.ReadRows(option, path, folder, values, skipped))
        {
            if (broken.Contains(row.Path))
                continue;
            if (!_numbers.TryGetValue(row.Path, out var number))
            {
                if (Problem(row.Path, out var pixels) is { } problem)
                {
                    broken.Add(row.Path);
                    skipped.Add(new Skipped(row.Name, problem));
                    continue;
                }

                _numbers[row.Path] = number = _pictures.Count;
                _pictures.Add(pixels);
            }

            lines.Add((number, row.Values));
        }

        Skipped.Report(skipped, console.Line);
        return lines.Count > 0 ? lines : throw new UserError($"{option} {path}: no usable line{(skipped.Count > 0 ? $": {skipped[0]}" : "")}");
    }

    private string? Problem(string path, out byte[] pixels)
    {
        pixels = [];
        try
        {
            pixels = PictureFile.Boxes(path, side, boxes);
            return null;
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return "there is no such file";
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return problem.Message;
        }
    }
}
