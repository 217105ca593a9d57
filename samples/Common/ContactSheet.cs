using SkiaSharp;

namespace Contrastive.Samples;

/// <summary>A picture with a line in bold and some text under it.</summary>
public sealed record SheetPicture(SKBitmap Picture, string Heading, string Text);

/// <summary>A query and its answers.</summary>
public sealed record SheetSection(string Title, IReadOnlyList<SheetPicture> Pictures);

/// <summary>Pictures in rows, with text under each, a section for each query.</summary>
public static class ContactSheet
{
    /// <summary>Pixels a side of each picture.</summary>
    public const int Side = 144;

    private const int Columns = 6;
    private const int Gap = 14;
    private const int TitleHeight = 30;
    private const int LineHeight = 16;
    private const int TextLines = 3;
    private const int CellHeight = Side + (1 + TextLines) * LineHeight + Gap;

    public static byte[] Png(IReadOnlyList<SheetSection> sections)
    {
        FontFiles.AreThere();
        var columns = Math.Clamp(sections.Max(section => section.Pictures.Count), 2, Columns);
        var (width, height) = (Gap + columns * (Side + Gap), Gap + sections.Sum(section => TitleHeight + Rows(section, columns) * CellHeight));
        using var sheet = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));
        using var canvas = new SKCanvas(sheet);
        canvas.Clear(SKColors.White);
        var top = Gap;
        foreach (var section in sections)
        {
            Write(canvas, section.Title, Gap, top + 16, 17, bold: true, width - 2 * Gap, lines: 1);
            top += TitleHeight;
            foreach (var (i, picture) in section.Pictures.Index())
                Draw(canvas, picture, Gap + i % columns * (Side + Gap), top + i / columns * CellHeight);
            top += Rows(section, columns) * CellHeight;
        }

        canvas.Flush();
        using var image = SKImage.FromBitmap(sheet);
        using var png = image.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    private static int Rows(SheetSection section, int columns) => (section.Pictures.Count + columns - 1) / columns;

    private static void Draw(SKCanvas canvas, SheetPicture picture, int left, int top)
    {
        canvas.DrawBitmap(picture.Picture, left, top, SKSamplingOptions.Default);
        var line = top + Side + LineHeight - 3;
        Write(canvas, picture.Heading, left, line, 13, bold: true, Side, lines: 1);
        Write(canvas, picture.Text, left, line + LineHeight, 12, bold: false, Side, TextLines);
    }

    /// <summary>Text from a baseline on, broken at words; what does not fit is left out, and dots say so.</summary>
    private static void Write(SKCanvas canvas, string text, int left, int baseline, float size, bool bold, int width, int lines)
    {
        // Of this machine's fonts one that has the text's characters.
        var name = text.All(char.IsAscii) ? ScottPlot.Fonts.Default : ScottPlot.Fonts.Detect(text);
        using var font = new SKFont(ScottPlot.Fonts.GetTypeface(name, bold, italic: false), size) { Subpixel = true };
        using var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        var words = new Queue<string>(text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        for (var line = 0; line < lines && words.Count > 0; line++)
        {
            var written = words.Dequeue();
            while (words.Count > 0 && font.MeasureText($"{written} {words.Peek()}") <= width)
                written += $" {words.Dequeue()}";
            if (line == lines - 1 && words.Count > 0)
                written += " …";
            if (font.MeasureText(written) > width)
            {
                while (written.Length > 1 && font.MeasureText(written + "…") > width)
                    written = written.TrimEnd('…', ' ')[..^1];
                written += "…";
            }

            canvas.DrawText(written, left, baseline + line * LineHeight, SKTextAlign.Left, font, paint);
        }
    }
}
