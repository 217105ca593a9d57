using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Models;

/// <summary>Pictures as the image encoder takes them.</summary>
internal static class Pixels
{
    /// <returns>(N, K, 3, S, S) bytes.</returns>
    public static Tensor Of(IReadOnlyList<byte[]> pictures, int side, int boxes, Device device)
    {
        var pixels = empty([pictures.Count, boxes, 3, side, side], dtype: ScalarType.Byte);
        using (var scope = NewDisposeScope())
        {
            for (var i = 0; i < pictures.Count; i++)
            {
                using var one = tensor(pictures[i], dtype: ScalarType.Byte).view(boxes, 3, side, side);
                pixels[i].copy_(one);
            }
        }

        if (device.type == TorchSharp.DeviceType.CPU)
            return pixels;
        using (pixels)
            return pixels.to(device);
    }
}
