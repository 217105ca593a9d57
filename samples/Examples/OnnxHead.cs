#:package TorchSharp-cpu
#:package Microsoft.ML.OnnxRuntime
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// A frozen encoder on ONNX Runtime, a head that is trained here: embeddings are made once, and two small towers learn to match them.
//     dotnet run OnnxHead.cs -- encoder.onnx
// The model takes (N, F) float32 under its first input's name. Without a file it is models/encoder.onnx, of 24 numbers.
using System.Runtime.CompilerServices;
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

random.manual_seed(1);
using var session = new InferenceSession(args.Length > 0 ? args[0] : Path.Combine(Folder(), "models", "encoder.onnx"));
var input = session.InputMetadata.First();
var width = input.Value.Dimensions[1];

// Your pictures, texts or records go here: what the encoder takes, and the features of their partners.
const int training = 400;
var records = randn(500, width);
var partners = records.matmul(randn(width, 32));
var embeddings = Embed(records);
Console.WriteLine($"embeddings: {string.Join(" x ", embeddings.shape)}");

using var head = nn.Sequential(nn.Linear(embeddings.shape[1], 64), nn.ReLU(), nn.Linear(64, 16));
using var partnerTower = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 16));
using var loss = new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric);
using var optimizer = new SafeAdamW([("head", head), ("partner", partnerTower), ("loss", loss)], learningRate: 0.005);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(training, batchSize: 50, generator);
for (var epoch = 1; epoch <= 30; epoch++)
{
    var sum = 0.0;
    for (var step = 0; step < batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();
        var ids = batches.Next();
        var result = loss.Evaluate(head.forward(embeddings[ids]), partnerTower.forward(partners[ids]), ids);
        optimizer.zero_grad();
        result.Loss.backward();
        optimizer.step();
        sum += result.Objective.item<float>();
    }
    if (epoch % 10 == 0) Console.WriteLine($"epoch {epoch}: loss {sum / batches.StepsPerEpoch:F3}");
}
using var constant = no_grad();
var report = Retrieval.Evaluate(head.forward(embeddings[training..]), partnerTower.forward(partners[training..]));
Console.WriteLine($"recall@1 {report.RecallAt[1]:P1} of 100 new records");

// In runs of 64 rows, so that a large set does not have to fit at once.
Tensor Embed(Tensor rows) => cat([.. rows.split(64).Select(run =>
{
    using var value = OrtValue.CreateTensorValueFromMemory(run.contiguous().data<float>().ToArray(), [run.shape[0], width]);
    using var results = session.Run(new RunOptions(), new Dictionary<string, OrtValue> { [input.Key] = value }, session.OutputNames);
    var output = results[0].GetTensorDataAsSpan<float>().ToArray();
    return tensor(output).view(run.shape[0], -1);
})]);

static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
