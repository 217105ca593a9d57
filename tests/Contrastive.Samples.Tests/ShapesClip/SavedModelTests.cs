using System.Text.Json;
using Contrastive.Samples.ShapesClip;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class SavedModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Weights_read_back_bit_for_bit_under_the_names_that_PyTorch_would_use()
    {
        var model = Train("--structure", "separation", "--learn-temperature");

        using var loaded = SavedModel.Load(model, CPU);
        var written = WeightsFile.Load(Path.Combine(model, "model.safetensors"));

        var read = loaded.Towers.state_dict();
        read.Keys.Should().BeEquivalentTo(written.Keys);
        foreach (var (name, tensor) in written)
            read[name].bytes.ToArray().Should().Equal(tensor.bytes.ToArray(), name);
        written.Keys.Should().Contain([
            "image.encoder.layers.0.weight", "image.shared.layers.output.bias", "image.independent.layers.output.weight",
            "text.encoder.tokens.weight", "text.encoder.blocks.1.attention.weight", "text.encoder.norm.bias",
        ]);
        loaded.Description.Temperature.Should().BeInRange(0.01, 1).And.NotBe(0.07);
        loaded.Description.Tokenizer.Vocabulary.Should().Equal(loaded.Towers.Tokenizer.Vocabulary);
        foreach (var tensor in written.Values)
            tensor.Dispose();
    }

    [Fact]
    public void A_damaged_model_or_one_of_another_format_is_refused()
    {
        var model = Train();
        string weights = Path.Combine(model, "model.safetensors"), description = Path.Combine(model, "model.json");
        var (bytes, json) = (File.ReadAllBytes(weights), File.ReadAllText(description));

        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Refusal().Should().ContainAll(weights, "checksum");
        File.Delete(weights);
        Refusal().Should().ContainAll(weights, "no such file");
        File.WriteAllText(description, json.Replace("clip-1", "clip-9"));
        Refusal().Should().ContainAll(description, "clip-9");
        File.WriteAllText(description, json.Replace("centre cropped", "stretched"));
        Refusal().Should().Contain("stretched");
        File.WriteAllText(description, json[..(json.Length / 2)]);
        Refusal().Should().ContainAll(description, "damaged");
        Directory.Delete(model, recursive: true);
        Refusal().Should().Contain("no such folder");

        string Refusal() => new Action(() => SavedModel.Load(model, CPU)).Should().Throw<UserError>().Which.Message;
    }

    [Fact]
    public void The_description_says_what_another_program_needs()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Train(), "model.json")));

        var root = json.RootElement;
        root.GetProperty("picture").GetProperty("side").GetInt32().Should().Be(32);
        root.GetProperty("picture").GetProperty("mean").GetDouble().Should().Be(0.48);
        root.GetProperty("temperature").GetDouble().Should().Be(0.07);
        root.GetProperty("tokenizer").GetProperty("vocabulary").EnumerateArray().Select(word => word.GetString()).Should().Contain("the");
        root.GetProperty("settings").GetProperty("epochs").GetInt32().Should().Be(1);
        root.GetProperty("run").GetProperty("seed").GetInt64().Should().Be(0);
    }

    private string Train(params string[] more) => Tiny.Model(_folder.Path("out"), seed: 0, more);
}
