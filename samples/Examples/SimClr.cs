#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// SimCLR: pictures without labels. Two views of a picture, shifted, dimmed and with noise, belong together. What is learned is measured by
// the nearest neighbours' labels.
using Contrastive;
using Contrastive.Evaluation;
using Contrastive.Training;
using static TorchSharp.torch;

const int size = 16;
random.manual_seed(1);
var draws = new Random(1);

// Your pictures go here. These are drawn: discs, squares, rings and crosses, dark and light.
var labels = Enumerable.Range(0, 600).Select(_ => (long)draws.Next(4)).ToArray();
var pictures = labels.Select(Draw).ToArray();

using var tower = nn.Sequential(
    nn.Conv2d(1, 16, 3, stride: 2, padding: 1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride: 2, padding: 1), nn.ReLU(),
    nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 64));
using var head = nn.Sequential(nn.ReLU(), nn.Linear(64, 32));          // thrown away after training
using var loss = new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.TwoViews);
using var optimizer = new SafeAdamW([("tower", tower), ("head", head)], learningRate: 0.003);
using var generator = new Generator(1);
using var batches = new ShuffledBatches(pictures.Length, batchSize: 60, generator);

Console.WriteLine($"before: {Neighbours()}");
for (var epoch = 1; epoch <= 30; epoch++)
{
    var sum = 0.0;
    for (var step = 0; step < batches.StepsPerEpoch; step++)
    {
        using var scope = NewDisposeScope();
        var chosen = batches.Next().data<long>().Select(id => pictures[id]).ToArray();
        var (first, second) = (Batch(chosen.Select(View)), Batch(chosen.Select(View)));
        var value = loss.forward(head.forward(tower.forward(first)), head.forward(tower.forward(second)));
        optimizer.zero_grad();
        value.backward();
        optimizer.step();
        sum += value.item<float>();
    }
    if (epoch % 10 == 0) Console.WriteLine($"epoch {epoch}: loss {sum / batches.StepsPerEpoch:F3}");
}
Console.WriteLine($"after: {Neighbours()}");

// A view of each picture by the 5 nearest views of others.
NearestNeighborReport Neighbours()
{
    using var scope = NewDisposeScope();
    using var constant = no_grad();
    return NearestNeighborProbe.LeaveOneOut(tower.forward(Batch(pictures.Select(View))), tensor(labels), k: [5])[0];
}

static Tensor Batch(IEnumerable<float[]> rows) => stack([.. rows.Select(row => tensor(row))]).view(-1, 1, size, size);

float[] View(float[] picture)
{
    var (right, down, zoom, light) = (draws.Next(-4, 5), draws.Next(-4, 5), 0.75 + (0.5 * draws.NextDouble()), 0.4f + draws.NextSingle());
    var view = new float[size * size];
    for (var y = 0; y < size; y++)
        for (var x = 0; x < size; x++)
            view[(y * size) + x] = (light * picture[(From(y, down) * size) + From(x, right)]) + (0.4f * draws.NextSingle());
    return view;

    int From(int place, int shift) => Math.Clamp((int)Math.Round(((place - 7.5) / zoom) + 7.5) + shift, 0, size - 1);
}

float[] Draw(long label)
{
    var (radius, light) = (3 + (2.5 * draws.NextDouble()), 0.3f + (0.7f * draws.NextSingle()));
    var picture = new float[size * size];
    for (var y = 0; y < size; y++)
    {
        for (var x = 0; x < size; x++)
        {
            var (across, along) = (Math.Abs(x - 7.5), Math.Abs(y - 7.5));
            var distance = double.Hypot(across, along);
            var isInside = label switch
            {
                0 => distance < radius,
                1 => Math.Max(across, along) < radius * 0.9,
                2 => distance < radius && distance > radius - 2,
                _ => Math.Min(across, along) < 1.1 && Math.Max(across, along) < radius,
            };
            if (isInside) picture[(y * size) + x] = light;
        }
    }
    return picture;
}
