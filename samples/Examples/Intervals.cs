#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// Is the difference real? Two models on the same queries: intervals by bootstrap, the paired difference, and an exact test.
using Contrastive.Evaluation;
using static TorchSharp.torch;

random.manual_seed(1);

// Your models' features of the same held-out items go here. The second model's are noisier.
const int items = 400;
var facts = randn(items, 16);
var pictures = cat([facts, randn(items, 16)], dim: 1);
var (first, second) = (Captions(noise: 10), Captions(noise: 11));

// 1 where a picture's first caption is the right one, 0 where it is not: one score per query, in the same order for both.
var scores = new[] { first, second }.Select(captions => Retrieval.Evaluate(pictures, captions).LeftToRight.HitsAt(1)).ToArray();
using var generator = new Generator(1);
foreach (var (name, hits) in new[] { ("first", scores[0]), ("second", scores[1]) })
{
    var mean = Bootstrap.Mean(hits, generator: generator);
    Console.WriteLine($"{name}: recall@1 {mean.Estimate:P1}, 95 % interval {mean.Interval.Lower:P1} to {mean.Interval.Upper:P1}");
}

// Pairing takes out what is hard or easy for both.
var difference = Bootstrap.MeanDifference(scores[0], scores[1], generator: generator);
Console.WriteLine($"difference {difference.Estimate:P1}, 95 % interval {difference.Interval.Lower:P1} to {difference.Interval.Upper:P1}");
Console.WriteLine($"McNemar's exact test: {McNemarTest.Of(scores[0], scores[1])}");

Tensor Captions(int noise) => cat([facts, zeros(items, 16)], dim: 1).matmul(eye(32)).lerp(randn(items, 32), tensor(noise / 20f));
