using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class SavedModelTests(TrainedOnRedAndBlue trained) : IClassFixture<TrainedOnRedAndBlue>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Weights_read_back_bit_for_bit()
    {
        using var loaded = SavedModel.Load(trained.Model, CPU);

        var written = WeightsFile.Load(Path.Combine(ModelFolder.Find(trained.Model), ModelFolder.WeightsName));
        var read = loaded.Towers.state_dict();
        read.Keys.Should().BeEquivalentTo(written.Keys);
        foreach (var (name, tensor) in written)
        {
            read[name].bytes.ToArray().Should().Equal(tensor.bytes.ToArray(), name);
            tensor.Dispose();
        }
    }

    [Fact]
    public void A_damaged_model_one_of_another_format_and_several_are_refused()
    {
        var model = _folder.Path("models", "one");
        Directory.CreateDirectory(model);
        foreach (var file in Directory.GetFiles(ModelFolder.Find(trained.Model)))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        string weights = Path.Combine(model, ModelFolder.WeightsName), description = Path.Combine(model, ModelFolder.DescriptionName);
        var (bytes, json) = (File.ReadAllBytes(weights), File.ReadAllText(description));

        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Refusal().Should().ContainAll(weights, "checksum");
        File.Delete(weights);
        Refusal().Should().ContainAll(weights, "no such file");
        File.WriteAllText(description, json.Replace("contrastive-image-search-", "contrastive-image-search-9"));
        Refusal().Should().ContainAll(description, "contrastive-image-search-9");
        File.WriteAllText(description, json[..(json.Length / 2)]);
        Refusal().Should().ContainAll(description, "damaged");
        Directory.CreateDirectory(_folder.Path("models", "two"));
        File.Copy(description, _folder.Path("models", "two", ModelFolder.DescriptionName));
        Refusal().Should().ContainAll("holds 2 models", "one", "two");
        Directory.Delete(_folder.Path("models"), recursive: true);
        Refusal().Should().ContainAll("--model", "holds no model.json");

        string Refusal() => new Action(() => SavedModel.Load(_folder.Root, CPU)).Should().Throw<UserError>().Which.Message;
    }
}
