#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:property PublishAot=false

// A training run that TensorBoard shows: objective, temperature and step size by step. Then: tensorboard --logdir runs
using Contrastive;
using Contrastive.Training;
using static TorchSharp.torch;

random.manual_seed(1);
var folder = args.Length > 0 ? args[0] : "runs";
var images = randn(400, 20);
var texts = images.matmul(randn(20, 30));

using var imageTower = nn.Linear(20, 16);
using var textTower = nn.Linear(30, 16);
using var loss = new GammaContrastiveLoss(new PartitionTable(400), Temperature.Learned(), ContrastMode.Symmetric);
using var optimizer = new SafeAdamW([("image", imageTower), ("text", textTower), ("loss", loss)], learningRate: 0.01);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(400, batchSize: 40, generator);
var schedule = new WarmupCosineSchedule(0.01, steps: 100, warmup: 10);
var writer = utils.tensorboard.SummaryWriter(folder);

for (var step = 0; step < 100; step++)
{
    using var scope = NewDisposeScope();
    optimizer.LearningRate = schedule.At(step);
    var ids = batches.Next();
    var result = loss.Evaluate(imageTower.forward(images[ids]), textTower.forward(texts[ids]), ids);
    optimizer.zero_grad();
    result.Loss.backward();
    optimizer.step();

    // The loss of a decomposable step has no level of its own: the objective is the curve to watch.
    writer.add_scalar("objective", result.Objective.item<float>(), step);
    writer.add_scalar("temperature", (float)loss.Temperature.Value, step);
    writer.add_scalar("learning rate", (float)optimizer.LearningRate, step);
    if (step % 25 == 0) Console.WriteLine($"step {step}: objective {result.Objective.item<float>():F3}");
}
Console.WriteLine($"written: {Directory.EnumerateFiles(writer.LogDir).Count()} file");
