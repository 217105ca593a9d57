#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// Batches of 8: InfoNCE beside the decomposable loss, and that with a memory of recent batches. The same towers, data and steps for each. These
// data are made so that the difference shows (77, 99 and 100 %, each with the best of five step sizes). On real data it is 0 to 4 points,
// and a memory adds hardly anything: docs/results.md.
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using static TorchSharp.torch;

const int training = 1500, batch = 8, epochs = 8;
const double peak = 0.01;
random.manual_seed(1);

// Your features go here; row i of both matrices is item i. These share 12 facts, and each has 60 of its own.
var shared = randn(2000, 12);
var images = cat([shared, randn(2000, 60)], dim: 1).matmul(randn(72, 90));
var texts = cat([shared, randn(2000, 60)], dim: 1).matmul(randn(72, 90));

Console.WriteLine($"InfoNCE: recall@1 {Train(new InfoNCELoss(Temperature.Fixed(0.1), ContrastMode.Symmetric)):P1}");
Console.WriteLine($"decomposable: recall@1 {Train(Decomposable()):P1}");
var memory = new CrossBatchMemory(capacity: 512, features: 16, lengthAtPeak: 64);
Console.WriteLine($"decomposable with a memory: recall@1 {Train(Decomposable(memory), memory):P1}");

// A table keeps one number per sample, and wants to know how many there are.
static GammaContrastiveLoss Decomposable(CrossBatchMemory? memory = null) => new(
    new PartitionTable(training), Temperature.Fixed(0.1), ContrastMode.Symmetric, eStep: EStep.PosteriorMean, memory: memory);

double Train(ContrastiveLoss loss, CrossBatchMemory? memory = null)
{
    random.manual_seed(2);
    using var owned = loss;
    using var imageTower = nn.Linear(90, 16);
    using var textTower = nn.Linear(90, 16);
    using var optimizer = new SafeAdamW([("image", imageTower), ("text", textTower)], peak);
    using var generator = new Generator(1);
    using var batches = new ShuffledBatches(training, batch, generator);
    var schedule = new WarmupCosineSchedule(peak, epochs * batches.StepsPerEpoch, warmup: 50);
    for (var step = 0; step < epochs * batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();
        var rate = schedule.At(step);
        optimizer.LearningRate = rate;
        memory?.FollowStepSize(rate);                           // what was encoded long ago counts once steps are small
        var ids = batches.Next();
        var result = loss.Evaluate(imageTower.forward(images[ids]), textTower.forward(texts[ids]), ids);
        optimizer.zero_grad();
        result.Loss.backward();
        optimizer.step();
    }
    using var evaluation = NewDisposeScope();
    using var constant = no_grad();
    return Retrieval.Evaluate(imageTower.forward(images[training..]), textTower.forward(texts[training..])).RecallAt[1];
}
