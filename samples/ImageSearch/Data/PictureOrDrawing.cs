using SkiaSharp;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>Reads what <see cref="PictureFile"/> reads, and drawings (svg), which are drawn at the size asked for.</summary>
internal static class PictureOrDrawing
{
    /// <summary>Whether a file in a folder is meant as one, by its name.</summary>
    public static bool IsNamedAsPicture(string path)
        => PictureFile.IsNamedAsPicture(path) || Path.GetExtension(path).Equals(".svg", StringComparison.OrdinalIgnoreCase);

    /// <param name="path">A png, jpg, webp, gif, bmp or svg file, whatever it is called.</param>
    /// <param name="side">S.</param>
    /// <exception cref="InvalidDataException">Not such a file, or a broken one.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static SKBitmap Read(string path, int side) => Decode(File.ReadAllBytes(path), side);

    /// <param name="content">Of such a file.</param>
    /// <param name="side">S.</param>
    /// <exception cref="InvalidDataException">Not such a file, or a broken one.</exception>
    public static SKBitmap Decode(byte[] content, int side)
        => SvgPicture.IsNamedInside(content)
            ? SvgPicture.Draw(content, side)
            : PictureFile.Decode(content, side, "png, jpg, webp, gif, bmp or svg");

    /// <summary>As the towers take it: 3 · S² bytes, red, green and blue planes.</summary>
    /// <exception cref="InvalidDataException">Not such a file, or a broken one.</exception>
    public static byte[] Pixels(byte[] content, int side)
    {
        using var square = Decode(content, side);
        var pixels = new byte[3 * side * side];
        SquarePicture.Planes(square, pixels);
        return pixels;
    }
}
