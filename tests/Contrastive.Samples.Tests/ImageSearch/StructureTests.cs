using System.Text.Json;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class StructureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_structure_trains_and_is_probed_beside_none_whose_towers_are_those_of_a_run_without_the_option()
    {
        var (code, output, error) = RunSearch.With(Drawn("out", "--structure", "none,in-modal,separation,bridge,consistency,all", "--bridge-weight", "0.1,1", "--seeds", "2"));

        code.Should().Be(0, error);
        output.Should().ContainAll("infonce, separation 1", "  both heads", "all labels", "infonce, all 1/1/0.003");
        output.Split('\n').Where(line => line.Contains(" ± ")).Should().NotBeEmpty().And.AllSatisfy(line => line.Length.Should().BeLessThanOrEqualTo(120));
        output.Should().MatchRegex(@"infonce, bridge 0\.1 B=4 - infonce, none B=4 +[+-]0\.\d+");
        var results = RunSearch.Results(_folder.Path("out"));
        results.Should().HaveCount(2 * 8, "bridge and all have two weights each");
        foreach (var result in results)
        {
            result.GetProperty("probe_full").GetDouble().Should().BeInRange(0.01, 1);
            result.TryGetProperty("with_independent", out _).Should().Be(result.GetProperty("structure").GetString()!.Split(' ')[0] is "separation" or "all");
        }

        RunSearch.With(Drawn("plain")).Code.Should().Be(0);
        Weights("out", "infonce-m0-b4-none-s0").Should().Equal(Weights("plain", "infonce-m0-b4-s0"));
        Weights("out", "infonce-m0-b4-consistency-0.003-s0").Should().NotEqual(Weights("plain", "infonce-m0-b4-s0"));
        // A model with two heads answers as others do.
        RunSearch.With("query", "--model", _folder.Path("out", "models", "infonce-m0-b4-separation-1-s0"), "--text", "red star", "--out", _folder.Path("query.png")).Code.Should().Be(0);

        byte[] Weights(string folder, string run) => File.ReadAllBytes(_folder.Path(folder, "models", run, "model.safetensors"));
    }

    [Fact]
    public void Lines_of_runs_without_the_option_are_what_they_were()
    {
        JsonSerializer.Serialize(new SearchKey("infonce", 0, 16, 0.002, 1), SampleJson.Exact).Should().Be(
            """{"loss":"infonce","memory":0,"batch_size":16,"learning_rate":0.002,"seed":1}""");
        JsonSerializer.Serialize(Settings.With(validation: true).OfOneRun, SampleJson.Exact).Should().NotContain("structure");
        var key = new SearchKey("infonce", 0, 16, 0.002, 1, new SearchStructure("bridge") { Shift = 2, BridgeWeight = 0.1 });
        JsonSerializer.Deserialize<SearchKey>(JsonSerializer.Serialize(key, SampleJson.Exact), SampleJson.Exact).Should().Be(key);
        RunSearch.With(Drawn("out", "--bridge-weight", "1")).Error.Should().ContainAll("--bridge-weight", "--structure");
    }

    [Fact]
    public void The_other_view_is_another_picture_and_another_caption_of_the_item_where_there_are_such()
    {
        const int Side = 8;
        var hash = new CaptionHash(1 << 16);
        Picture[] pictures = [.. Enumerable.Range(0, 4).Select(number => new Picture(
            $"{number}", null, [.. Enumerable.Range(0, 3 * Side * Side).Select(at => (byte)(40 * number + at % Side))], number == 3 ? ["alone"] : ["one", $"two {number}"], null, null))];
        var collection = new PictureCollection(Side, pictures, []);
        var (sampler, alike) = (Sampler(), Sampler());
        var other = new Random(2);
        var moved = 0;
        for (var visit = 0; visit < 30; visit++)
        {
            using var scope = NewDisposeScope();
            var views = sampler.DrawPair([0, 1], other, 2, CPU);
            var (plain, said) = alike.Draw([0, 1], CPU);

            views.Pictures.equal(plain).all().item<bool>().Should().BeTrue("the first view is that of a run without");
            views.Captions.Should().BeEquivalentTo(said, options => options.WithStrictOrdering());
            var (first, second) = (Number(views.Pictures[0]), Number(views.OtherPictures[0]));
            first.Should().NotBe(second);
            views.OtherCaptions[0].Should().NotEqual(views.Captions[0]);
            views.OtherCaptions[1].Should().Equal(views.Captions[1], "there is no other");
            moved += views.OtherPictures[1].equal(views.Pictures[1]).all().item<bool>() ? 0 : 1;
        }

        moved.Should().BeGreaterThan(10, "a picture that is alone in its item moves");

        ItemSampler Sampler() => new(collection, [[0, 1, 2], [3]], hash, shift: 0, new Random(1));

        static int Number(Tensor picture) => (int)MathF.Round((1 - picture[0, 4, 0].item<float>()) * 255 / 40);
    }

    private string[] Drawn(string output, params string[] more)
        => ["train", "--drawn", "120", .. RunSearch.Tiny, "--epochs", "2", "--loss", "infonce", "--memory", "0", "--out", _folder.Path(output), .. more];
}
