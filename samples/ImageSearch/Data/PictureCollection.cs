using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>A picture and what is known of it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Path">Its file; null for a drawn one.</param>
/// <param name="Pixels">3 · S² bytes: red, green and blue planes.</param>
/// <param name="Captions">What is said of it; may be none.</param>
/// <param name="Label">Its category, if told.</param>
/// <param name="Item">The thing it shows, if told: pictures of one thing share it.</param>
internal sealed record Picture(string Name, string? Path, byte[] Pixels, IReadOnlyList<string> Captions, string? Label, string? Item);

/// <summary>Where pictures and what is said of them lie; nulls where nothing is said.</summary>
/// <param name="Images">The folder.</param>
/// <param name="Captions">A line <c>image&lt;TAB&gt;caption</c> each.</param>
/// <param name="Labels">A line <c>image&lt;TAB&gt;category</c> each.</param>
/// <param name="Items">A line <c>image&lt;TAB&gt;item</c> each.</param>
/// <param name="Names">A line <c>item&lt;TAB&gt;language&lt;TAB&gt;name</c> each: what there is instead of captions.</param>
internal sealed record PictureSource(string Images, string? Captions, string? Labels, string? Items, string? Names = null);

/// <summary>Pictures, decoded, and the lines and files that could not be used.</summary>
internal sealed record PictureCollection(int Side, IReadOnlyList<Picture> Pictures, IReadOnlyList<Skipped> Skipped)
{
    /// <summary>The pictures that a captions file names.</summary>
    /// <exception cref="UserError">None can be used, or a file or the folder cannot be read.</exception>
    public static PictureCollection OfCaptions(PictureSource source, int side, SampleConsole console)
    {
        CheckFolder(source.Images);
        var skipped = new List<Skipped>();
        return Read(TabbedFile.Read("--captions", source.Captions!, source.Images, skipped), source, skipped, side, console);
    }

    /// <summary>The pictures that an items file names, of items that have captions.</summary>
    /// <param name="source">With the items file.</param>
    /// <param name="captions">Of an item; none where nothing is said of it.</param>
    /// <param name="side">Pixels a side.</param>
    /// <param name="skipped">What could not be used so far.</param>
    /// <param name="console">Told what is skipped.</param>
    /// <exception cref="UserError">None can be used, or a file or the folder cannot be read.</exception>
    public static PictureCollection OfItems(
        PictureSource source, Func<string, IReadOnlyList<string>> captions, int side, List<Skipped> skipped, SampleConsole console)
    {
        CheckFolder(source.Images);
        // What is wrong with the file is told when it is read for the items.
        var files = TabbedFile.Read("--items", source.Items!, source.Images, [])
            .Select(file => file with { Values = captions(file.Values[0]) })
            .Where(file => file.Values.Count > 0);
        return Read([.. files], source, skipped, side, console);
    }

    /// <summary>All pictures of a folder and of those in it, with captions where a file gives some.</summary>
    /// <exception cref="UserError">None can be used, or the folder or the captions file cannot be read.</exception>
    public static PictureCollection OfFolder(PictureSource source, int side, SampleConsole console)
    {
        CheckFolder(source.Images);
        var skipped = new List<Skipped>();
        var said = source.Captions is null
            ? []
            : TabbedFile.Read("--captions", source.Captions, source.Images, skipped).ToDictionary(file => file.Path, file => file.Values);
        string[] paths;
        try
        {
            paths = [.. Directory.EnumerateFiles(source.Images, "*", SearchOption.AllDirectories).Where(PictureOrDrawing.IsNamedAsPicture).Order(StringComparer.Ordinal)];
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--images {source.Images}: {problem.Message}", problem);
        }

        var files = paths.Select(path => new NamedPicture(
            System.IO.Path.GetRelativePath(source.Images, path), path, said.GetValueOrDefault(System.IO.Path.GetFullPath(path), [])));
        return Read([.. files], source, skipped, side, console);
    }

    /// <summary>The same for the same pixels, captions, labels and items in the same order, wherever they lie.</summary>
    public string Digest()
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var picture in Pictures)
        {
            sum.AppendData(picture.Pixels);
            foreach (var text in picture.Captions)
                Add(text);
            Add(picture.Label ?? "");
            Add(picture.Item ?? "");
        }

        return Convert.ToHexStringLower(sum.GetHashAndReset())[..16];

        void Add(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            sum.AppendData(length);
            sum.AppendData(bytes);
        }
    }

    private static void CheckFolder(string folder)
    {
        if (!Directory.Exists(folder))
            throw new UserError($"--images {folder}: {(File.Exists(folder) ? "is a file, not a folder" : "there is no such folder")}");
    }

    private static PictureCollection Read(
        IReadOnlyList<NamedPicture> files, PictureSource source, List<Skipped> skipped, int side, SampleConsole console)
    {
        var labels = source.Labels is null ? null : TabbedFile.ReadOne("--labels", source.Labels, source.Images, skipped);
        var items = source.Items is null ? null : TabbedFile.ReadOne("--items", source.Items, source.Images, skipped);
        var pixels = new byte[files.Count][];
        var problems = new string?[files.Count];
        Progress.Run(console, "reading pictures", files.Count, progress =>
        {
            var lines = skipped.Count;
            Samples.Skipped.Report(skipped, progress.Line);
            Workers.Run(files.Count, Environment.ProcessorCount, i =>
            {
                problems[i] = Problem(files[i].Path, side, out pixels[i]);
                progress.Advance(detail: files[i].Name);
            }, console.Cancellation);
            skipped.AddRange(files.Zip(problems).Where(file => file.Second is not null).Select(file => new Skipped(file.First.Name, file.Second!)));
            Samples.Skipped.Report(skipped[lines..], progress.Line);
            progress.Line($"{problems.Count(problem => problem is null)} of {files.Count} pictures can be used; skipped {skipped.Count - lines} pictures and {lines} lines");
        });
        Picture[] read = [.. Enumerable.Range(0, files.Count).Where(i => problems[i] is null).Select(i => new Picture(
            files[i].Name, files[i].Path, pixels[i], files[i].Values, labels?.GetValueOrDefault(files[i].Path), items?.GetValueOrDefault(files[i].Path)))];
        return read.Length > 0
            ? new PictureCollection(side, read, skipped)
            : throw new UserError($"{source.Captions ?? source.Items ?? source.Images}: no usable picture{(skipped.Count > 0 ? $": {skipped[0]}" : "")}");
    }

    private static string? Problem(string path, int side, out byte[] pixels)
    {
        pixels = [];
        try
        {
            pixels = PictureOrDrawing.Pixels(File.ReadAllBytes(path), side);
            return null;
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return "there is no such file";
        }
        catch (Exception) when (Directory.Exists(path))
        {
            return "is a folder, not a file";
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return problem.Message;
        }
    }
}
