using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>Pictures as the image tower takes them: (N, 3, S, S), 0 where they are white and 1 where they are black.</summary>
internal static class PixelBatch
{
    public static Tensor Of(IReadOnlyList<byte[]> pictures, int side, Device device) => Of(pictures, side, device, _ => (0, 0));

    /// <param name="pictures">3 · S² bytes each.</param>
    /// <param name="side">S.</param>
    /// <param name="device">Where they go.</param>
    /// <param name="shift">How far each goes to the right and down. What comes in from outside is as the picture's edge.</param>
    public static Tensor Of(IReadOnlyList<byte[]> pictures, int side, Device device, Func<int, (int X, int Y)> shift)
    {
        var area = side * side;
        var all = new float[pictures.Count * 3 * area];
        for (int n = 0, at = 0; n < pictures.Count; n++)
        {
            var (right, down) = shift(n);
            ReadOnlySpan<byte> pixels = pictures[n];
            for (var plane = 0; plane < 3 * area; plane += area)
            {
                for (var y = 0; y < side; y++)
                {
                    var row = pixels.Slice(plane + Math.Clamp(y - down, 0, side - 1) * side, side);
                    for (var x = 0; x < side; x++)
                        all[at++] = (255 - row[Math.Clamp(x - right, 0, side - 1)]) / 255f;
                }
            }
        }

        return tensor(all, [pictures.Count, 3, side, side], device: device);
    }
}
