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
        return Square(decoded, side, origin);
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
            using var square = Square(part, side, boxes > 1 ? SKEncodedOrigin.TopLeft : origin);
            Planes(square, planes.AsSpan(box * 3 * side * side));
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

    /// <summary>The middle of a picture, resized.</summary>
    public static SKBitmap Square(SKBitmap picture, int side, SKEncodedOrigin origin = SKEncodedOrigin.TopLeft)
    {
        var square = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));
        using var canvas = new SKCanvas(square);
        // Cut first: what lies outside must not shine in through the filter.
        var shorter = Math.Min(picture.Width, picture.Height);
        using var middle = new SKBitmap();
        picture.ExtractSubset(middle, SKRectI.Create((picture.Width - shorter) / 2, (picture.Height - shorter) / 2, shorter, shorter));
        using var image = SKImage.FromBitmap(middle);
        canvas.Clear(SKColors.White);
        var scale = (float)side / shorter;
        canvas.Translate(side / 2f, side / 2f);
        canvas.Concat(Turn(origin));
        canvas.Scale(scale);
        canvas.Translate(-shorter / 2f, -shorter / 2f);
        // Every pixel counts when a picture shrinks; a cubic alone would skip most of them.
        var sampling = scale < 1 ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear) : new SKSamplingOptions(SKCubicResampler.Mitchell);
        canvas.DrawImage(image, 0, 0, sampling);
        canvas.Flush();
        return square;
    }

    /// <summary>Red, green and blue planes, row by row from the top: (3, S, S).</summary>
    public static void Planes(SKBitmap square, Span<byte> planes)
    {
        var pixels = square.GetPixelSpan();
        var area = square.Width * square.Height;
        for (var i = 0; i < area; i++)
        {
            planes[i] = pixels[4 * i];
            planes[area + i] = pixels[4 * i + 1];
            planes[2 * area + i] = pixels[4 * i + 2];
        }
    }

    /// <summary>The other way.</summary>
    public static SKBitmap FromPlanes(ReadOnlySpan<byte> planes, int side)
    {
        var picture = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));
        var area = side * side;
        for (var i = 0; i < area; i++)
            picture.SetPixel(i % side, i / side, new SKColor(planes[i], planes[area + i], planes[2 * area + i]));
        return picture;
    }

    /// <summary>About the middle of the picture; x to the right, y down.</summary>
    private static SKMatrix Turn(SKEncodedOrigin origin)
    {
        var (xx, xy, yx, yy) = origin switch
        {
            SKEncodedOrigin.TopRight => (-1, 0, 0, 1),
            SKEncodedOrigin.BottomRight => (-1, 0, 0, -1),
            SKEncodedOrigin.BottomLeft => (1, 0, 0, -1),
            SKEncodedOrigin.LeftTop => (0, 1, 1, 0),
            SKEncodedOrigin.RightTop => (0, -1, 1, 0),
            SKEncodedOrigin.RightBottom => (0, -1, -1, 0),
            SKEncodedOrigin.LeftBottom => (0, 1, -1, 0),
            _ => (1, 0, 0, 1),
        };
        return new SKMatrix(xx, xy, 0, yx, yy, 0, 0, 0, 1);
    }
}
