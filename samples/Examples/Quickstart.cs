#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// Two descriptions of each item, as two matrices of features: two small towers bring them into one space.
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using static TorchSharp.torch;

random.manual_seed(1);

// Your features go here; row i of both matrices is item i. These share 8 facts, and each has 8 of its own.
const int training = 1000;
var shared = randn(1200, 8);
var images = cat([shared, randn(1200, 8)], dim: 1).matmul(randn(16, 40));
var texts = cat([shared, randn(1200, 8)], dim: 1).matmul(randn(16, 60));

using var imageTower = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 16));
using var textTower = nn.Sequential(nn.Linear(60, 64), nn.ReLU(), nn.Linear(64, 16));
using var loss = new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric);
using var optimizer = new SafeAdamW([("image", imageTower), ("text", textTower), ("loss", loss)], learningRate: 0.003);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(training, batchSize: 100, generator);

for (var epoch = 1; epoch <= 10; epoch++)
{
    var sum = 0.0;
    for (var step = 0; step < batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();                    // frees what the step made
        var ids = batches.Next();
        var result = loss.Evaluate(imageTower.forward(images[ids]), textTower.forward(texts[ids]), ids);
        optimizer.zero_grad();
        result.Loss.backward();
        optimizer.step();
        sum += result.Objective.item<float>();
    }
    Console.WriteLine($"epoch {epoch}: loss {sum / batches.StepsPerEpoch:F3}");
}

// 200 items that training never saw: a guess finds the right partner 1 time in 200.
using var constant = no_grad();
var report = Retrieval.Evaluate(imageTower.forward(images[training..]), textTower.forward(texts[training..]));
Console.WriteLine($"recall@1 {report.RecallAt[1]:P1}, temperature {loss.Temperature.Value:F3}");
