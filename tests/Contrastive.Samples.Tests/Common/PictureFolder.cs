using SkiaSharp;

namespace Contrastive.Samples.Tests.Common;

/// <summary>A temporary folder with pictures of one colour each, and a captions file.</summary>
internal sealed class PictureFolder : IDisposable
{
    public TemporaryFolder Files { get; } = new();

    public string Root => Files.Root;

    public string Path(params string[] parts) => Files.Path(parts);

    public string Add(string name, SKColor colour, int width = 20, int height = 20, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.Erase(colour);
        return Add(name, bitmap, format);
    }

    public string Add(string name, SKBitmap bitmap, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        using var data = bitmap.Encode(format, 100);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(name))!);
        return Files.File(name, data.ToArray());
    }

    /// <summary>Red and blue pictures in turn, each with two captions.</summary>
    public void Fill(int pictures)
    {
        var lines = new List<string>();
        for (var i = 0; i < pictures; i++)
        {
            var (word, colour) = i % 2 == 0 ? ("red", new SKColor(220, (byte)(i * 2), 20)) : ("blue", new SKColor(20, (byte)(i * 2), 220));
            Add($"{i}.png", colour);
            lines.Add($"{i}.png\tA {word} square.");
            lines.Add($"{i}.png\tit is all {word}");
        }

        Files.File("captions.tsv", string.Join('\n', lines));
    }

    public void Dispose() => Files.Dispose();
}
