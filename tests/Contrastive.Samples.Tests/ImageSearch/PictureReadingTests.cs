using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.Tests.Common;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class PictureReadingTests : IDisposable
{
    private const int Side = 32;

    private const string Icon = """
        <?xml version="1.0"?>
        <!-- an icon -->
        <svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="4">
          <path d="M12 2V22"/>
          <circle cx="4" cy="12" r="3" fill="#f00" stroke="none"/>
        </svg>
        """;

    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_drawing_a_plot_and_pictures_go_together_in_one_process()
    {
        using var drawing = PictureOrDrawing.Read(_folder.Files.File("icon.svg", Icon), Side);
        PlotFile.Write(_folder.Path("plot.png"), [new Panel("title", "x", "y", [new Curve("curve", [1, 2, 3], [1, 4, 9])])]);

        foreach (var format in new[] { SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Webp })
        {
            using var picture = PictureOrDrawing.Read(_folder.Add($"a.{format}", SKColors.Red, format: format), Side);
            ((int)picture.GetPixel(5, 5).Red).Should().BeGreaterThan(240);
            ((int)picture.GetPixel(5, 5).Green).Should().BeLessThan(15);
        }

        using var plot = PictureOrDrawing.Read(_folder.Path("plot.png"), Side);
        plot.GetPixel(0, 0).Should().Be(SKColors.White);
        drawing.GetPixel(0, 0).Should().Be(SKColors.White);
        drawing.GetPixel(16, 16).Should().Be(SKColors.Black, "the line has the current colour");
        drawing.GetPixel(5, 16).Should().Be(SKColors.Red);
    }

    [Fact]
    public void Plots_and_sheets_have_their_texts_where_the_system_has_a_font()
    {
        if (!FontFiles.AreThere())
            return;
        PlotFile.Write(_folder.Path("a.png"), [Plot("title")]);
        PlotFile.Write(_folder.Path("b.png"), [Plot("another")]);

        File.ReadAllBytes(_folder.Path("a.png")).Should().NotEqual(File.ReadAllBytes(_folder.Path("b.png")));
        Sheet("one").Should().NotEqual(Sheet("two"));

        static Panel Plot(string title) => new(title, "x", "y", [new Curve("curve", [1, 2, 3], [1, 4, 9])]);

        static byte[] Sheet(string text)
        {
            using var picture = new SKBitmap(ContactSheet.Side, ContactSheet.Side);
            return ContactSheet.Png([new SheetSection("title", [new SheetPicture(picture, "heading", text)])]);
        }
    }

    [Fact]
    public void Of_a_wide_drawing_the_middle_is_kept()
    {
        var wide = _folder.Files.File("wide.svg", """<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="10" height="20" fill="red"/><rect x="10" width="20" height="20" fill="blue"/></svg>""");

        using var drawing = PictureOrDrawing.Read(wide, Side);

        drawing.Pixels.Should().OnlyContain(pixel => pixel == SKColors.Blue);
    }

    [Theory]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'><path", "cannot be read")]
    [InlineData("<html></html>", "not a picture")]
    public void A_broken_drawing_is_refused_with_the_reason(string content, string reason)
        => new Action(() => PictureOrDrawing.Read(_folder.Files.File("a.svg", content), Side)).Should().Throw<InvalidDataException>().WithMessage($"*{reason}*");

    [Fact]
    public void What_lies_outside_a_drawing_is_not_fetched()
    {
        var secret = new Uri(_folder.Add("secret.png", SKColors.Black)).AbsoluteUri;
        var drawing = _folder.Files.File("a.svg", $"""
            <!DOCTYPE svg [<!ENTITY text SYSTEM "{secret}">]>
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="20" height="20">
              <rect width="20" height="20" fill="lime"/><image width="20" height="20" xlink:href="{secret}"/><image width="20" height="20" href="{secret}"/>
            </svg>
            """);

        using var read = PictureOrDrawing.Read(drawing, Side);

        // There is a sign that something is missing.
        read.Pixels.Should().NotContain(SKColors.Black);
    }
}
