#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// SupCon: rows with the same label belong together. The features are then read by a linear probe on rows that training never saw.
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using static TorchSharp.torch;

random.manual_seed(1);

// Your features and labels go here. These have four classes, told by the signs of two products: nothing for a straight line.
const int training = 1500;
var facts = randn(2000, 8);
var labels = stack([Sign(0, 1), Sign(2, 3)], dim: 1).matmul(tensor(new long[] { 1, 2 }));
var features = facts.matmul(randn(8, 40));

using var tower = nn.Sequential(nn.Linear(40, 128), nn.ReLU(), nn.Linear(128, 16));
using var loss = new InfoNCELoss(Temperature.Fixed(0.1), missingPairs: MissingPairs.Skip);     // a row may be alone with its label
using var optimizer = new SafeAdamW([("tower", tower)], learningRate: 0.003);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(training, batchSize: 100, generator);

using (no_grad()) Console.WriteLine($"raw features: {Probe(features)}");
for (var epoch = 1; epoch <= 15; epoch++)
{
    var sum = 0.0;
    for (var step = 0; step < batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();
        var rows = batches.Next();
        var encoded = tower.forward(features[rows]);
        var value = loss.forward(encoded, encoded, null, PairMap.FromLabels(labels[rows]));
        optimizer.zero_grad();
        value.backward();
        optimizer.step();
        sum += value.item<float>();
    }
    if (epoch % 5 == 0) Console.WriteLine($"epoch {epoch}: loss {sum / batches.StepsPerEpoch:F3}");
}
using (no_grad()) Console.WriteLine($"learned features: {Probe(tower.forward(features))}");

// 1 where two of the facts have the same sign, else 0.
Tensor Sign(int first, int second) => facts[.., first].mul(facts[.., second]).signbit().logical_not().to(ScalarType.Int64);

LinearProbeReport Probe(Tensor rows)
{
    using var draws = new Generator(2);
    return LinearProbe.Evaluate(rows[..training], labels[..training], rows[training..], labels[training..], generator: draws);
}
