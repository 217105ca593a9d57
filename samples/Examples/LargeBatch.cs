#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// A batch of 1,000 with the activations of 100: the same loss and the same gradients as the batch at once, dropout included.
using Contrastive;
using Contrastive.Training;
using static TorchSharp.torch;

random.manual_seed(1);

// Your features go here; row i of both matrices is item i.
var images = randn(2000, 20);
var texts = images.matmul(randn(20, 30));

using var imageTower = nn.Sequential(nn.Linear(20, 256), nn.GELU(), nn.Dropout(0.1), nn.Linear(256, 16));
using var textTower = nn.Sequential(nn.Linear(30, 256), nn.GELU(), nn.Dropout(0.1), nn.Linear(256, 16));
using var loss = new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric);
using var optimizer = new SafeAdamW([("image", imageTower), ("text", textTower), ("loss", loss)], learningRate: 0.003);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(2000, batchSize: 1000, generator);
var large = new LargeBatchStep(microBatchSize: 100, [imageTower, textTower]);

for (var step = 1; step <= 20; step++)
{
    using var scope = NewDisposeScope();
    var ids = batches.Next();
    optimizer.zero_grad();
    // It is called twice for each micro-batch, once without a graph; what it draws is the same both times.
    var result = large.Backward(
        ids.shape[0],
        (first, count) =>
        {
            var rows = ids.narrow(0, first, count);
            return (imageTower.forward(images[rows]), textTower.forward(texts[rows]));
        },
        loss,
        ids);
    optimizer.step();
    if (step % 5 == 0) Console.WriteLine($"step {step}: loss {result.Loss.item<float>():F3}");
}
