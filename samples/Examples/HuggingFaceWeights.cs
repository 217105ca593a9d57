#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:property PublishAot=false

// Weights that Python's transformers saved as safetensors go into a model whose fields have other names; what is missing or left over is told.
//     dotnet run HuggingFaceWeights.cs -- model.safetensors
// Without a file it writes one with BERT's names first.
using Contrastive.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

random.manual_seed(1);
var given = args.Length > 0;
var path = given ? args[0] : Path.Combine(Path.GetTempPath(), $"example-{Environment.ProcessId}.safetensors");
var (tokens, width, places) = given ? Sizes(path) : (1000L, 64L, 128L);
if (!given) Write(path);

using var encoder = new Embeddings(tokens, width, places);
using (no_grad())
{
    var before = encoder.forward(tensor(new long[] { 7, 8, 9 }, 1, 3)).detach().clone();
    var unread = WeightsFile.LoadInto(path, encoder, strict: false, rename: name => name switch
    {
        "words.weight" => "embeddings.word_embeddings.weight",
        "positions.weight" => "embeddings.position_embeddings.weight",
        "norm.weight" => "embeddings.LayerNorm.weight",
        "norm.bias" => "embeddings.LayerNorm.bias",
        _ => name,
    });
    Console.WriteLine($"missing: {unread.Missing.Count}, left over: {unread.Unexpected.Count} ({string.Join(", ", unread.Unexpected.Take(3))})");
    Console.WriteLine($"the features are others now: {!before.allclose(encoder.forward(tensor(new long[] { 7, 8, 9 }, 1, 3)))}");
}
if (!given) File.Delete(path);

static (long, long, long) Sizes(string path)
{
    var tensors = WeightsFile.ReadHeader(path).Tensors;
    var words = tensors["embeddings.word_embeddings.weight"].Shape;
    return (words[0], words[1], tensors["embeddings.position_embeddings.weight"].Shape[0]);
}

void Write(string file) => WeightsFile.Save(file, new Dictionary<string, Tensor>
{
    ["embeddings.word_embeddings.weight"] = randn(tokens, width),
    ["embeddings.position_embeddings.weight"] = randn(places, width),
    ["embeddings.LayerNorm.weight"] = ones(width),
    ["embeddings.LayerNorm.bias"] = zeros(width),
    ["pooler.dense.weight"] = randn(width, width),
});

/// <summary>The first layer of a text encoder: words and their places, normalised.</summary>
internal sealed class Embeddings : nn.Module<Tensor, Tensor>
{
    private readonly Embedding words;
    private readonly Embedding positions;
    private readonly LayerNorm norm;

    public Embeddings(long tokens, long width, long places)
        : base(nameof(Embeddings))
    {
        (words, positions, norm) = (nn.Embedding(tokens, width), nn.Embedding(places, width), nn.LayerNorm(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids)
    {
        using var one = 1.ToScalar();
        return norm.forward(words.forward(ids).add(positions.forward(arange(ids.size(1)).expand_as(ids)), one));
    }
}
