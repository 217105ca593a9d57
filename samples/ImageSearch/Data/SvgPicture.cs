using System.Text;
using System.Xml;
using SkiaSharp;
using Svg;
using Svg.Skia;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>Drawings: black where they say <c>currentColor</c>, over white. What lies outside the file is not fetched.</summary>
internal static class SvgPicture
{
    // A drawing names itself early, behind a declaration and comments.
    private const int Head = 4096;

    static SvgPicture()
    {
        SvgDocument.ResolveExternalXmlEntites = ExternalType.None;
        SvgDocument.ResolveExternalImages = ExternalType.None;
        SvgDocument.ResolveExternalElements = ExternalType.None;
    }

    /// <summary>Whether a file is meant as a drawing, by its content.</summary>
    public static bool IsNamedInside(ReadOnlySpan<byte> content)
        => Encoding.UTF8.GetString(content[..Math.Min(content.Length, Head)]).TrimStart('\uFEFF', ' ', '\t', '\r', '\n') is ['<', ..] text
            && text.Contains("<svg", StringComparison.Ordinal);

    /// <param name="content">Of the file.</param>
    /// <param name="side">S: the shorter side becomes S and the middle of the longer one is kept.</param>
    /// <exception cref="InvalidDataException">It cannot be drawn.</exception>
    public static SKBitmap Draw(byte[] content, int side)
    {
        using var drawing = new SKSvg();
        try
        {
            SvgLimits.Check(content);
            using var stream = new MemoryStream(content);
            drawing.Load(stream);
        }
        catch (Exception problem) when (problem is XmlException or SvgException or FormatException or ArgumentException or InvalidOperationException)
        {
            throw new InvalidDataException($"is an svg that cannot be read: {problem.Message}", problem);
        }

        if (drawing.Picture is not { CullRect: { Width: > 0, Height: > 0 } frame } picture)
            throw new InvalidDataException("is an svg that draws nothing");
        var square = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));
        using var canvas = new SKCanvas(square);
        canvas.Clear(SKColors.White);
        canvas.Translate(side / 2f, side / 2f);
        canvas.Scale(side / Math.Min(frame.Width, frame.Height));
        canvas.Translate(-frame.MidX, -frame.MidY);
        canvas.DrawPicture(picture);
        canvas.Flush();
        return square;
    }
}
