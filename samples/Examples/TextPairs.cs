#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// Pairs of texts that mean the same, in other words: a tower over the pieces of words learns to find the partner of a new text.
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

const int pieces = 4096;
random.manual_seed(1);

// Your pairs go here: questions and answers, titles and descriptions, sentences in two languages.
string[] colours = ["red", "blue", "green", "yellow", "white", "black"], animals = ["dog", "cat", "horse", "owl", "goat", "bear"];
string[] acts = ["sleeps", "jumps", "eats", "waits", "sings", "runs"], places = ["garden", "house", "forest", "street", "river", "barn"];
var pairs = (from colour in colours from animal in animals from act in acts from place in places
             select ($"the {colour} {animal} {act} in the {place}", $"at the {place} there {act} some {animal} whose coat looks {colour}")).ToArray();
new Random(1).Shuffle(pairs);
var (training, held) = (pairs[..1000], pairs[1000..]);

// One tower for both sides, since both are English. A text is the mean of its trigrams' vectors.
using var table = nn.EmbeddingBag(pieces, 64, mode: EmbeddingBagMode.Mean);
using var tower = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32));
using var loss = new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric);
using var optimizer = new SafeAdamW([("table", table), ("tower", tower), ("loss", loss)], learningRate: 0.005);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(training.Length, batchSize: 50, generator);

Console.WriteLine($"before: recall@1 {RecallAt1():P1}");
for (var epoch = 1; epoch <= 8; epoch++)
{
    var sum = 0.0;
    for (var step = 0; step < batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();
        var ids = batches.Next();
        var chosen = ids.data<long>().Select(id => training[id]).ToArray();
        var result = loss.Evaluate(Encode(chosen.Select(pair => pair.Item1)), Encode(chosen.Select(pair => pair.Item2)), ids);
        optimizer.zero_grad();
        result.Loss.backward();
        optimizer.step();
        sum += result.Objective.item<float>();
    }
    Console.WriteLine($"epoch {epoch}: loss {sum / batches.StepsPerEpoch:F3}");
}
Console.WriteLine($"after: recall@1 {RecallAt1():P1} of {held.Length} new pairs");

double RecallAt1()
{
    using var scope = NewDisposeScope();
    using var constant = no_grad();
    return Retrieval.Evaluate(Encode(held.Select(pair => pair.Item1)), Encode(held.Select(pair => pair.Item2))).RecallAt[1];
}

Tensor Encode(IEnumerable<string> texts)
{
    var (numbers, offsets) = (new List<long>(), new List<long>());
    foreach (var text in texts)
    {
        offsets.Add(numbers.Count);
        var padded = $" {text.ToLowerInvariant()} ";
        for (var i = 0; i + 3 <= padded.Length; i++) numbers.Add(Number(padded[i], padded[i + 1], padded[i + 2]));
    }
    return tower.forward(table.forward(tensor(numbers), tensor(offsets), null));
}

// The same in every process, which string.GetHashCode is not.
static long Number(char a, char b, char c) => ((a * 31L * 31) + (b * 31L) + c) % pieces;
