using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Data.Pictures;

/// <summary>The user's own pictures, decoded: bytes, 3 · S² of them a picture, and what the captions file says of each.</summary>
internal sealed class PictureCollection : IDisposable
{
    private const int Chunk = 512;

    private PictureCollection(Tensor images, IReadOnlyList<CaptionedFile> files, IReadOnlyList<Skipped> skipped)
    {
        (Images, Files, Skipped) = (images, files, skipped);
    }

    /// <summary>(P, 3, S, S) bytes.</summary>
    public Tensor Images { get; }

    /// <summary>P files.</summary>
    public IReadOnlyList<CaptionedFile> Files { get; }

    /// <summary>The lines and pictures that could not be used.</summary>
    public IReadOnlyList<Skipped> Skipped { get; }

    public int Side => (int)Images.shape[3];

    /// <summary>The pictures that a captions file names.</summary>
    /// <exception cref="UserError">None can be used, or the file or folder cannot be read.</exception>
    public static PictureCollection OfCaptions(string folder, string captions, int side, Device device, SampleConsole console)
    {
        CheckFolder(folder);
        var skipped = new List<Skipped>();
        return Read(CaptionsFile.Read(captions, folder, skipped), skipped, captions, side, device, console);
    }

    /// <summary>All pictures of a folder and of those in it, with captions where a file gives some.</summary>
    /// <exception cref="UserError">None can be used, or the folder or the captions file cannot be read.</exception>
    public static PictureCollection OfFolder(string folder, string? captions, int side, Device device, SampleConsole console)
    {
        CheckFolder(folder);
        var skipped = new List<Skipped>();
        var said = captions is null ? [] : CaptionsFile.Read(captions, folder, skipped).ToDictionary(file => file.Path, file => file.Captions);
        string[] paths;
        try
        {
            paths = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(PictureFile.IsNamedAsPicture).Order(StringComparer.Ordinal)];
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--image-dir {folder}: {problem.Message}", problem);
        }

        var files = paths.Select(path => new CaptionedFile(Path.GetRelativePath(folder, path), path, said.GetValueOrDefault(Path.GetFullPath(path), [])));
        return Read([.. files], skipped, folder, side, device, console);
    }

    /// <summary>The same for the same pixels and captions in the same order, wherever they lie.</summary>
    public string Digest()
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(int)];
        for (var i = 0; i < Files.Count; i++)
        {
            using var scope = NewDisposeScope();
            var pixels = Images[i].cpu();
            sum.AppendData(pixels.bytes);
            foreach (var caption in Files[i].Captions)
            {
                var bytes = Encoding.UTF8.GetBytes(caption);
                BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
                sum.AppendData(length);
                sum.AppendData(bytes);
            }
        }

        return Convert.ToHexStringLower(sum.GetHashAndReset())[..16];
    }

    public void Dispose() => Images.Dispose();

    private static void CheckFolder(string folder)
    {
        if (!Directory.Exists(folder))
            throw new UserError($"--image-dir {folder}: {(File.Exists(folder) ? "is a file, not a folder" : "there is no such folder")}");
    }

    private static PictureCollection Read(
        IReadOnlyList<CaptionedFile> files, List<Skipped> skipped, string source, int side, Device device, SampleConsole console)
    {
        using var scope = NewDisposeScope();
        var read = new List<CaptionedFile>();
        var images = new List<Tensor>();
        Progress.Run(console, "reading pictures", files.Count, progress =>
        {
            var lineSkipped = skipped.Count;
            Samples.Skipped.Report(skipped, progress.Line);
            foreach (var chunk in files.Chunk(Chunk))
                Add(chunk, progress);
            Samples.Skipped.Report(skipped[lineSkipped..], progress.Line);
            progress.Line($"{read.Count} of {files.Count} pictures can be used; skipped {files.Count - read.Count} pictures and {lineSkipped} lines");
        });
        return read.Count > 0
            ? new PictureCollection(cat(images, 0).to(device).MoveToOuterDisposeScope(), read, skipped)
            : throw new UserError($"{source}: no usable picture{(skipped.Count > 0 ? $": {skipped[0]}" : "")}");

        void Add(CaptionedFile[] chunk, Progress progress)
        {
            var bytes = 3 * side * side;
            var pixels = new byte[chunk.Length][];
            var problems = new string?[chunk.Length];
            Workers.Run(chunk.Length, Environment.ProcessorCount, i =>
            {
                try
                {
                    using var square = PictureFile.Read(chunk[i].Path, side);
                    PictureFile.Planes(square, pixels[i] = new byte[bytes]);
                }
                catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
                {
                    problems[i] = "there is no such file";
                }
                catch (Exception) when (Directory.Exists(chunk[i].Path))
                {
                    problems[i] = "is a folder, not a file";
                }
                catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
                {
                    problems[i] = problem.Message;
                }

                progress.Advance(detail: chunk[i].Name);
            }, console.Cancellation);
            var good = Enumerable.Range(0, chunk.Length).Where(i => problems[i] is null).ToArray();
            skipped.AddRange(Enumerable.Range(0, chunk.Length).Where(i => problems[i] is not null).Select(i => new Skipped(chunk[i].Name, problems[i]!)));
            if (good.Length == 0)
                return;
            read.AddRange(good.Select(i => chunk[i]));
            var all = new byte[good.Length * bytes];
            for (var n = 0; n < good.Length; n++)
                pixels[good[n]].CopyTo(all, n * bytes);
            images.Add(tensor(all, [good.Length, 3, side, side]));
        }
    }
}
