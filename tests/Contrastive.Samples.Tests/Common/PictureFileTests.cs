using SkiaSharp;

namespace Contrastive.Samples.Tests.Common;

public sealed class PictureFileTests : IDisposable
{
    private const int Side = 8;

    private static readonly byte[] Gif =
    [
        .. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 200, 30, 40, 0, 0, 0, 0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B,
    ];

    private static readonly byte[] Bmp =
    [
        .. "BM"u8, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0,
        .. new byte[24], 40, 30, 200, 0,
    ];

    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("png")]
    [InlineData("jpg")]
    [InlineData("webp")]
    [InlineData("gif")]
    [InlineData("bmp")]
    public void Each_format_gives_its_colour(string format)
    {
        var colour = new SKColor(200, 30, 40);
        var path = format switch
        {
            "gif" => _folder.Files.File("a.gif", Gif),
            "bmp" => _folder.Files.File("a.bmp", Bmp),
            _ => _folder.Add($"a.{format}", colour, format: format switch { "png" => SKEncodedImageFormat.Png, "jpg" => SKEncodedImageFormat.Jpeg, _ => SKEncodedImageFormat.Webp }),
        };

        var planes = Planes(path);

        for (var i = 0; i < Side * Side; i++)
        {
            ((int)planes[i]).Should().BeCloseTo(200, 5);
            ((int)planes[(Side * Side) + i]).Should().BeCloseTo(30, 5);
            ((int)planes[(2 * Side * Side) + i]).Should().BeCloseTo(40, 5);
        }
    }

    [Fact]
    public void The_middle_of_the_longer_side_is_kept_and_the_rest_cut()
    {
        using var bitmap = new SKBitmap(80, 40);
        bitmap.Erase(SKColors.Lime);
        for (var x = 20; x < 60; x++)
        {
            for (var y = 0; y < 40; y++)
                bitmap.SetPixel(x, y, x < 40 ? SKColors.Red : SKColors.Blue);
        }

        var planes = Planes(_folder.Add("a.png", bitmap));

        for (var y = 0; y < Side; y++)
        {
            planes[y * Side].Should().BeGreaterThan(200, "the left edge is red");
            planes[(2 * Side * Side) + (y * Side) + Side - 1].Should().BeGreaterThan(200, "the right edge is blue");
            ((int)planes[(Side * Side) + (y * Side) + 1]).Should().Be(0, "the green ends are cut");
        }
    }

    [Fact]
    public void A_fine_pattern_becomes_its_mean_and_not_a_choice_of_its_pixels()
    {
        using var bitmap = new SKBitmap(64, 64);
        for (var i = 0; i < 64 * 64; i++)
            bitmap.SetPixel(i % 64, i / 64, (i % 64 + i / 64) % 2 == 0 ? SKColors.White : SKColors.Black);

        Planes(_folder.Add("a.png", bitmap)).Should().OnlyContain(level => Math.Abs(level - 127.5) < 3);
    }

    [Fact]
    public void What_is_transparent_shows_white()
        => Planes(_folder.Add("a.png", SKColors.Transparent)).Should().OnlyContain(level => level == 255);

    [Theory]
    [InlineData(1, 0)] // as it is: the marked corner stays at the top left
    [InlineData(2, 1)]
    [InlineData(3, 3)]
    [InlineData(4, 2)]
    [InlineData(5, 0)]
    [InlineData(6, 1)]
    [InlineData(7, 3)]
    [InlineData(8, 2)]
    public void A_photograph_is_turned_as_its_EXIF_entry_says(byte orientation, int corner)
    {
        using var bitmap = new SKBitmap(32, 32);
        bitmap.Erase(SKColors.Black);
        for (var i = 0; i < 16 * 16; i++)
            bitmap.SetPixel(i % 16, i / 16, SKColors.White);
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 100);
        byte[] exif = [0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
        byte[] jpeg = data.ToArray();

        var planes = Planes(_folder.Files.File("a.jpg", [.. jpeg[..2], .. exif, .. jpeg[2..]]));

        for (var quarter = 0; quarter < 4; quarter++)
        {
            var middle = planes[(((quarter / 2 * 4) + 1) * Side) + (quarter % 2 * 4) + 1];
            (middle > 128).Should().Be(quarter == corner, $"quarter {quarter} is {middle}");
        }
    }

    [Fact]
    public void Broken_files_and_other_formats_are_refused_with_the_reason()
    {
        var whole = File.ReadAllBytes(_folder.Add("whole.png", SKColors.Red, 200, 200));
        Reason(_folder.Files.File("cut.png", whole[..(whole.Length / 2)])).Should().Contain("cut short");
        Reason(_folder.Files.File("empty.png", [])).Should().Contain("empty");
        Reason(_folder.Files.File("text.png", "not a picture")).Should().Contain("not a picture");

        string Reason(string path) => new Action(() => Planes(path)).Should().Throw<InvalidDataException>().Which.Message;
    }

    private static byte[] Planes(string path)
    {
        using var square = PictureFile.Read(path, Side);
        var planes = new byte[3 * Side * Side];
        SquarePicture.Planes(square, planes);
        return planes;
    }
}
