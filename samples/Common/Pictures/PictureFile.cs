using SkiaSharp;

namespace Contrastive.Samples;

/// <summary>
/// Reads a picture as the towers take it: a square of S pixels a side. The shorter side becomes S and the middle of the
/// longer one is kept; turned as its EXIF entry says, over white where it is transparent, in sRGB; of an animation the
/// first picture.
/// </summary>
public static class PictureFile
{
    // Beyond this a file is more likely a mistake or a trap than a picture: 400 MB decoded.
    private const long MostPixels = 100_000_000;

    private static readonly SKEncodedImageFormat[] Formats =
        [SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Webp, SKEncodedImageFormat.Gif, SKEncodedImageFormat.Bmp];

    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"];

    /// <summary>Whether a file in a folder is meant as a picture, by its name.</summary>
    public static bool IsNamedAsPicture(string path) => Extensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <param name="path">A png, jpg, webp, gif or bmp file, whatever it is called.</param>
    /// <param name="side">S.</param>
    /// <exception cref="InvalidDataException">Not such a file, or a broken one.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static SKBitmap Read(string path, int side) => Decode(File.ReadAllBytes(path), side, "png, jpg, webp, gif or bmp");

    /// <param name="content">Of the file.</param>
    /// <param name="side">S.</param>
    /// <param name="kinds">What can be read, as the refusal of another file says it.</param>
    /// <exception cref="InvalidDataException">Not such a file, or a broken one.</exception>
    public static SKBitmap Decode(byte[] content, int side, string kinds)
    {
        using var decoded = Decoded(content, side, kinds, out var origin);
        return SquarePicture.Of(decoded, side, origin);
    }

    /// <summary>A picture that holds several square ones side by side, as planes one after the other; a single one is its middle.</summary>
    /// <param name="path">As <see cref="Read"/> takes it; an EXIF entry turns nothing where there are several.</param>
    /// <param name="side">S.</param>
    /// <param name="boxes">How many.</param>
    /// <returns>boxes · 3 · S² bytes.</returns>
    /// <exception cref="InvalidDataException">Not such a file, or a broken one, or none of so many squares.</exception>
    public static byte[] Boxes(string path, int side, int boxes)
    {
        using var decoded = Decoded(File.ReadAllBytes(path), side, "png, jpg, webp, gif or bmp", out var origin);
        var width = decoded.Width / boxes;
        if (boxes > 1 && Math.Abs(width - decoded.Height) > 0.1 * decoded.Height)
            throw new InvalidDataException($"has {decoded.Width} x {decoded.Height} pixels, which is not {boxes} squares side by side");
        var planes = new byte[boxes * 3 * side * side];
        for (var box = 0; box < boxes; box++)
        {
            using var part = new SKBitmap();
            decoded.ExtractSubset(part, SKRectI.Create(box * width, 0, width, decoded.Height));
            using var square = SquarePicture.Of(part, side, boxes > 1 ? SKEncodedOrigin.TopLeft : origin);
            SquarePicture.Planes(square, planes.AsSpan(box * 3 * side * side));
        }

        return planes;
    }

    private static SKBitmap Decoded(byte[] content, int side, string kinds, out SKEncodedOrigin origin)
    {
        using var data = SKData.CreateCopy(content);
        using var codec = data.Size == 0 ? throw new InvalidDataException("is empty") : SKCodec.Create(data);
        if (codec is null || !Formats.Contains(codec.EncodedFormat))
            throw new InvalidDataException($"is not a picture that can be read ({kinds}){(codec is null ? "" : $" but {codec.EncodedFormat}")}");

        // Large photographs can be decoded smaller at once; twice the side leaves the rest to the filter.
        var shortest = Math.Min(codec.Info.Width, codec.Info.Height);
        var size = shortest > 2 * side ? codec.GetScaledDimensions(2f * side / shortest) : codec.Info.Size;
        if ((long)size.Width * size.Height > MostPixels)
            throw new InvalidDataException($"has {size.Width} x {size.Height} pixels, more than {MostPixels / 1_000_000} million");
        var info = new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Premul, SKColorSpace.CreateSrgb());
        var decoded = new SKBitmap(info);
        var result = codec.GetPixels(info, decoded.GetPixels());
        origin = codec.EncodedOrigin;
        if (result == SKCodecResult.Success)
            return decoded;
        decoded.Dispose();
        throw new InvalidDataException(result == SKCodecResult.IncompleteInput ? "is cut short" : $"cannot be decoded ({result})");
    }
}
