#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// A run that stops half-way and goes on in other objects, as another process would: the same losses, bit for bit, as a run that never
// stopped. Then the weights go out as safetensors, under PyTorch's names.
using Contrastive;
using Contrastive.Training;
using static TorchSharp.torch;

random.manual_seed(1);
var images = randn(400, 20);
var texts = images.matmul(randn(20, 30));
var folder = Directory.CreateTempSubdirectory().FullName;
var checkpoint = Path.Combine(folder, "run.ckpt");

var whole = Train(from: 0, to: 6);
Train(from: 0, to: 3);
var rest = Train(from: 3, to: 6);
Console.WriteLine($"the resumed run's losses are the same: {whole[3..].SequenceEqual(rest)}");

var weights = Path.Combine(folder, "image.safetensors");
Console.WriteLine($"exported: {string.Join(", ", WeightsFile.ReadHeader(weights).Tensors.Keys)}");
Directory.Delete(folder, recursive: true);

double[] Train(int from, int to)
{
    random.manual_seed(2 + from);                               // other weights at first: the checkpoint brings the right ones
    using var imageTower = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 16));
    using var textTower = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 16));
    using var loss = new GammaContrastiveLoss(new PartitionTable(400), Temperature.Learned(), ContrastMode.Symmetric);
    using var optimizer = new SafeAdamW([("image", imageTower), ("text", textTower), ("loss", loss)], learningRate: 0.003);
    using var generator = new Generator(1);
    using var batches = new ShuffledBatches(400, batchSize: 40, generator);
    var parts = new CheckpointParts()
        .Module("image", imageTower).Module("text", textTower).Module("loss", loss).Module("optimizer", optimizer)
        .Module("batches", batches).Generator("order", generator);
    if (from > 0) CheckpointFile.Open(checkpoint).Restore(parts);

    // Ctrl-C and SIGTERM end the loop after the step at hand.
    using var stop = new StopSignals();
    var losses = new List<double>();
    for (var epoch = from; epoch < to && !stop.IsRequested; epoch++)
    {
        var sum = 0.0;
        for (var step = 0; step < batches.StepsPerEpoch; step++)
        {
            using var scope = NewDisposeScope();
            var ids = batches.Next();
            var result = loss.Evaluate(imageTower.forward(images[ids]), textTower.forward(texts[ids]), ids);
            optimizer.zero_grad();
            result.Loss.backward();
            optimizer.step();
            sum += result.Objective.item<float>();
        }
        losses.Add(sum / batches.StepsPerEpoch);
        Console.WriteLine($"epoch {epoch + 1}: objective {losses[^1]:F3}");
    }
    CheckpointFile.Save(checkpoint, new { Epoch = to }, parts);
    WeightsFile.Save(Path.Combine(folder, "image.safetensors"), imageTower);
    return [.. losses];
}
