using Contrastive.Training;
using SkiaSharp;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Pictures of several boxes.</summary>
internal static class BoxPictures
{
    /// <param name="boxes">How many there are.</param>
    /// <param name="side">S, pixels of a box.</param>
    /// <param name="paint">Paints a box, by its number.</param>
    /// <returns>Boxes · 3 · S² bytes: planes of red, green and blue, box after box.</returns>
    public static byte[] Paint(int boxes, int side, Action<SKCanvas, int> paint)
    {
        var planes = new byte[boxes * 3 * side * side];
        for (var box = 0; box < boxes; box++)
        {
            using var picture = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque));
            using var canvas = new SKCanvas(picture);
            paint(canvas, box);
            canvas.Flush();
            SquarePicture.Planes(picture, planes.AsSpan(box * 3 * side * side));
        }

        return planes;
    }

    /// <summary>Paints one, in a box.</summary>
    /// <param name="canvas">Of the box.</param>
    /// <param name="corners">Three.</param>
    /// <param name="paint">Its colour.</param>
    public static void Triangle(SKCanvas canvas, SKPoint[] corners, SKPaint paint)
    {
        using var path = new SKPathBuilder();
        path.AddPoly(corners);
        using var triangle = path.Detach();
        canvas.DrawPath(triangle, paint);
    }

    /// <summary>Writes the boxes side by side, enlarged, as a PNG. Read again at their own size, they are what they were.</summary>
    public static void Write(string path, byte[] planes, int boxes, int side)
    {
        const int scale = 4;
        using var whole = new SKBitmap(new SKImageInfo(boxes * side * scale, side * scale, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));
        using var canvas = new SKCanvas(whole);
        canvas.Scale(scale);
        for (var box = 0; box < boxes; box++)
        {
            using var one = SquarePicture.FromPlanes(planes.AsSpan(box * 3 * side * side), side);
            canvas.DrawBitmap(one, box * side, 0, SKSamplingOptions.Default);
        }

        canvas.Flush();
        using var png = whole.Encode(SKEncodedImageFormat.Png, 100);
        AtomicFile.Write(path, png.ToArray());
    }
}
