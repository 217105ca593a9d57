#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// An encoder from Python, saved with torch.jit.script(model).save("encoder.pt"), is trained further here, and saved for Python again.
//     dotnet run TorchScriptEncoder.cs -- encoder.pt
// The model takes (N, 24) float32. Without a file it is models/encoder.pt.
using System.Runtime.CompilerServices;
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using static TorchSharp.torch;

random.manual_seed(1);
using var encoder = jit.load<Tensor, Tensor>(args.Length > 0 ? args[0] : Path.Combine(Folder(), "models", "encoder.pt"));
encoder.train();

// Your data go here: what the encoder takes, and the features of their partners.
const int training = 400;
var records = randn(500, 24);
var partners = records.matmul(randn(24, 32));
long width;
using (no_grad()) width = encoder.forward(records[..1]).shape[1];

// Small steps for what was trained before, larger ones for what starts here.
using var partnerTower = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, width));
using var loss = new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric);
using var slow = new SafeAdamW([("encoder", encoder)], learningRate: 0.001);
using var fast = new SafeAdamW([("partner", partnerTower), ("loss", loss)], learningRate: 0.005);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(training, batchSize: 50, generator);
for (var epoch = 1; epoch <= 30; epoch++)
{
    var sum = 0.0;
    for (var step = 0; step < batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();
        var ids = batches.Next();
        var result = loss.Evaluate(encoder.forward(records[ids]), partnerTower.forward(partners[ids]), ids);
        slow.zero_grad();
        fast.zero_grad();
        result.Loss.backward();
        slow.step();
        fast.step();
        sum += result.Objective.item<float>();
    }
    if (epoch % 10 == 0) Console.WriteLine($"epoch {epoch}: loss {sum / batches.StepsPerEpoch:F3}");
}

encoder.eval();
using var constant = no_grad();
var features = encoder.forward(records[training..]);
Console.WriteLine($"recall@1 {Retrieval.Evaluate(features, partnerTower.forward(partners[training..])).RecallAt[1]:P1} of 100 new records");

var path = Path.Combine(Path.GetTempPath(), $"tuned-{Environment.ProcessId}.pt");
jit.save(encoder, path);
using var again = jit.load<Tensor, Tensor>(path);
again.eval();
Console.WriteLine($"saved and read again, the features are the same: {again.forward(records[training..]).equal(features).all().item<bool>()}");
File.Delete(path);

static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
