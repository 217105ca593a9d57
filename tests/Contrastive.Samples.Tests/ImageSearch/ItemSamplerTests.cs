using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ImageSearch;

public class ItemSamplerTests
{
    [Fact]
    public void A_visit_gives_a_picture_of_the_item_with_one_of_its_own_captions_and_in_time_with_each()
    {
        const int Side = 8;
        var hash = new CaptionHash(1 << 16);
        Picture[] pictures = [.. Enumerable.Range(0, 6).Select(number => new Picture(
            $"{number}", null, [.. Enumerable.Repeat((byte)(40 * number), 3 * Side * Side)], [$"one {number}", $"two {number}"], null, null))];
        var sampler = new ItemSampler(new PictureCollection(Side, pictures, []), [[0, 1], [2], [3, 4, 5]], hash, shift: 1, new Random(1));
        var seen = new HashSet<(int Picture, int Caption)>();
        for (var visit = 0; visit < 60; visit++)
        {
            var (pixels, captions) = sampler.Draw([2, 0], CPU);
            using (pixels)
            {
                for (var i = 0; i < 2; i++)
                {
                    var picture = (int)MathF.Round((1 - pixels[i, 0, 4, 4].item<float>()) * 255 / 40);
                    picture.Should().BeOneOf(i == 0 ? [3, 4, 5] : [0, 1]);
                    var said = Enumerable.Range(0, 2).Single(caption => hash.Numbers(pictures[picture].Captions[caption]).SequenceEqual(captions[i]));
                    seen.Add((picture, said));
                }
            }
        }

        seen.Should().HaveCount(10, "five pictures have two captions each");
    }
}
