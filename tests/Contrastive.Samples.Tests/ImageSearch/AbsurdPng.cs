using System.Buffers.Binary;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>A small png file that says it is of any size.</summary>
internal static class AbsurdPng
{
    public static byte[] Of(int width, int height)
    {
        using var dot = new SKBitmap(1, 1);
        var png = dot.Encode(SKEncodedImageFormat.Png, 100).ToArray();
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), height);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc(png.AsSpan(12, 17)));
        return png;
    }

    private static uint Crc(ReadOnlySpan<byte> chunk)
    {
        var sum = uint.MaxValue;
        foreach (var value in chunk)
        {
            sum ^= value;
            for (var bit = 0; bit < 8; bit++)
                sum = (sum & 1) == 1 ? (sum >> 1) ^ 0xEDB88320 : sum >> 1;
        }

        return ~sum;
    }
}
