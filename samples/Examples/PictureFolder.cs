#:package TorchSharp-cpu
#:package SkiaSharp
#:package SkiaSharp.NativeAssets.Linux.NoDependencies
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:property PublishAot=false

// A DataLoader of real pictures: png, jpg or webp files of a folder, read while they are needed, two views of each (SimCLR).
//     dotnet run PictureFolder.cs -- path/to/pictures
// Without a folder it draws one first.
using Contrastive;
using Contrastive.Training;
using SkiaSharp;
using static TorchSharp.torch;

const int size = 32;
random.manual_seed(1);
var folder = args.Length > 0 ? args[0] : DrawnFolder();
string[] kinds = [".png", ".jpg", ".jpeg", ".webp"];
var files = Directory.EnumerateFiles(folder).Where(file => kinds.Contains(Path.GetExtension(file).ToLowerInvariant())).Order().ToArray();
using var pictures = new PictureViews(files, size);

using var tower = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride: 2, padding: 1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride: 2, padding: 1), nn.ReLU(),
    nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 32));
using var loss = new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.TwoViews);
using var optimizer = new SafeAdamW([("tower", tower)], learningRate: 0.003);
for (var epoch = 1; epoch <= 5; epoch++)
{
    // One for each epoch: a loader with a seed repeats its order.
    using var loader = utils.data.DataLoader(pictures, batchSize: Math.Min(64, files.Length), shuffle: true, device: CPU, seed: epoch);
    var (sum, steps) = (0.0, 0);
    foreach (var batch in loader)
    {
        using var scope = NewDisposeScope();
        var value = loss.forward(tower.forward(batch["first"]), tower.forward(batch["second"]));
        optimizer.zero_grad();
        value.backward();
        optimizer.step();
        (sum, steps) = (sum + value.item<float>(), steps + 1);
    }
    Console.WriteLine($"epoch {epoch}: loss {sum / steps:F3} of {files.Length} pictures");
}
if (args.Length == 0) Directory.Delete(folder, recursive: true);

static string DrawnFolder()
{
    var (made, draws) = (Directory.CreateTempSubdirectory().FullName, new Random(1));
    for (var i = 0; i < 128; i++)
    {
        using var bitmap = new SKBitmap(48, 48);
        using var canvas = new SKCanvas(bitmap);
        using var paint = new SKPaint { Color = SKColor.FromHsv(draws.Next(360), 80, 90) };
        canvas.Clear(SKColor.FromHsv(draws.Next(360), 30, 30));
        if (i % 2 == 0) canvas.DrawCircle(draws.Next(14, 34), draws.Next(14, 34), draws.Next(6, 14), paint);
        else canvas.DrawRect(draws.Next(24), draws.Next(24), draws.Next(10, 24), draws.Next(10, 24), paint);
        using var file = File.Create(Path.Combine(made, $"{i:D3}.png"));
        bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
    }
    return made;
}

/// <summary>Two random crops of each picture, (3, size, size), from 0 to 1.</summary>
internal sealed class PictureViews(string[] files, int size) : utils.data.Dataset
{
    private readonly Random _draws = new(1);

    public override long Count => files.Length;

    public override Dictionary<string, Tensor> GetTensor(long index)
    {
        using var picture = SKBitmap.Decode(files[index]) ?? throw new InvalidDataException($"{files[index]} is no picture that can be read");
        return new() { ["first"] = Crop(picture), ["second"] = Crop(picture) };
    }

    private Tensor Crop(SKBitmap picture)
    {
        var edge = (int)(Math.Min(picture.Width, picture.Height) * (0.6 + (0.4 * _draws.NextDouble())));
        var (left, top) = (_draws.Next(picture.Width - edge + 1), _draws.Next(picture.Height - edge + 1));
        using var part = new SKBitmap();
        picture.ExtractSubset(part, SKRectI.Create(left, top, edge, edge));
        using var scaled = part.Resize(new SKSizeI(size, size), new SKSamplingOptions(SKFilterMode.Linear));
        var pixels = scaled.Pixels;
        float[] numbers = [.. pixels.Select(p => p.Red / 255f), .. pixels.Select(p => p.Green / 255f), .. pixels.Select(p => p.Blue / 255f)];
        return tensor(numbers).view(3, size, size);
    }
}
