using SkiaSharp;

namespace Contrastive.Samples;

/// <summary>Pictures as the towers take them: squares of S pixels a side, as planes of bytes.</summary>
public static class SquarePicture
{
    /// <summary>The middle of a picture, resized, over white where it is transparent.</summary>
    public static SKBitmap Of(SKBitmap picture, int side, SKEncodedOrigin origin = SKEncodedOrigin.TopLeft)
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
