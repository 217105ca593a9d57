using Contrastive.Samples.Tests.Common;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>Red and blue pictures and drawings: two pictures an item, each item with a caption of its own beside its colour's.</summary>
internal static class RedAndBlue
{
    public const int Items = 24;

    /// <summary>Pictures, <c>captions.tsv</c>, <c>labels.tsv</c> and <c>items.tsv</c>, with a broken picture among them.</summary>
    public static void Fill(PictureFolder folder)
    {
        var (captions, labels, items) = (new List<string> { "broken.png\tred broken" }, new List<string>(), new List<string>());
        folder.Files.File("broken.png", "no picture");
        for (var i = 0; i < Items; i++)
        {
            var colour = i % 2 == 0 ? "red" : "blue";
            var shade = (byte)(8 * i);
            folder.Add($"{colour}-{i}.png", i % 2 == 0 ? new SKColor(220, shade, 20) : new SKColor(20, shade, 220));
            folder.Files.File($"{colour}-{i}.svg", $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="rgb({(i % 2 == 0 ? $"200,{shade},40" : $"40,{shade},200")})"/></svg>""");
            foreach (var extension in new[] { "png", "svg" })
            {
                captions.Add($"{colour}-{i}.{extension}\tall {colour} number {i}");
                labels.Add($"{colour}-{i}.{extension}\t{colour}");
                items.Add($"{colour}-{i}.{extension}\t{i}");
            }
        }

        folder.Files.File("captions.tsv", string.Join('\n', captions));
        folder.Files.File("labels.tsv", string.Join('\n', labels));
        folder.Files.File("items.tsv", string.Join('\n', items));
    }

    /// <summary>The command line that learns the two colours in a moment.</summary>
    public static string[] Training(PictureFolder folder) =>
    [
        "train", "--images", folder.Root, "--captions", folder.Path("captions.tsv"), "--labels", folder.Path("labels.tsv"), "--items", folder.Path("items.tsv"),
        .. RunSearch.Tiny, "--loss", "gamma-mean", "--memory", "8", "--epochs", "25", "--learning-rate", "0.01", "--out", folder.Path("out"),
    ];
}

/// <summary>A model that tests ask and none changes, trained once for each class that asks for it.</summary>
public sealed class TrainedOnRedAndBlue : IDisposable
{
    public TrainedOnRedAndBlue()
    {
        RedAndBlue.Fill(Folder);
        (Code, Output, Error) = RunSearch.With(RedAndBlue.Training(Folder));
        Code.Should().Be(0, Error);
    }

    internal PictureFolder Folder { get; } = new();

    public int Code { get; }

    public string Output { get; }

    public string Error { get; }

    public string Model => Folder.Path("out");

    public void Dispose() => Folder.Dispose();
}
