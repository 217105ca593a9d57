using Contrastive.Samples.ShapesClip;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>A data set that tests read and none changes: drawn once for each class that asks for it.</summary>
public sealed class SharedShapes : IDisposable
{
    public const int Pairs = 600;
    public const int Seed = 3;

    public ShapeData Data { get; } = ShapeData.Draw(Pairs, Seed, CPU);

    public IEnumerable<(string Name, ShapePairs Pairs)> Sets => [("train", Data.Train), ("validation", Data.Validation), ("test", Data.Test), ("held out", Data.HeldOut)];

    public void Dispose() => Data.Dispose();
}
