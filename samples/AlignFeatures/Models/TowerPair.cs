using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Models;

/// <summary>The sizes of two towers that meet in one space; enough to build them again.</summary>
public sealed record TowerSizes(long Left, long Right, long Hidden, long Embedding);

/// <summary>The two towers of a run.</summary>
public sealed class TowerPair : IDisposable
{
    private readonly TowerSizes _sizes;

    public TowerPair(TowerSizes sizes, Generator random)
    {
        _sizes = sizes;
        Left = new Tower(sizes.Left, sizes.Hidden, sizes.Embedding, random);
        Right = new Tower(sizes.Right, sizes.Hidden, sizes.Embedding, random);
    }

    public Tower Left { get; }

    public Tower Right { get; }

    public IEnumerable<TorchSharp.Modules.Parameter> Parameters => Left.parameters().Concat(Right.parameters());

    public void To(Device device)
    {
        Left.to(device);
        Right.to(device);
    }

    public CheckpointParts AddTo(CheckpointParts parts) => parts.Module("left", Left).Module("right", Right);

    public void Save(string path) => CheckpointFile.Save(path, _sizes, AddTo(new CheckpointParts()));

    /// <exception cref="UserError">The file is missing, damaged or does not hold two towers.</exception>
    public static TowerPair Load(string path)
    {
        var file = CheckpointFile.Open(path);
        // The weights drawn here are replaced at once.
        using var random = new Generator(0);
        var towers = new TowerPair(file.Header<TowerSizes>(), random);
        file.Restore(towers.AddTo(new CheckpointParts()));
        return towers;
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }
}
