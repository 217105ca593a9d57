using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Models;

/// <summary>The sizes of two towers that meet in one space; enough to build them again.</summary>
public sealed record TowerSizes(long Left, long Right, long Hidden, long Embedding, bool Independent);

/// <summary>The two towers of a run, saved as safetensors: left.hidden.weight, right.mean and so on.</summary>
public sealed class TowerPair : nn.Module
{
    private readonly Tower left;
    private readonly Tower right;

    /// <param name="sizes">The sizes, and whether there are independent heads.</param>
    /// <param name="random">Draws the weights.</param>
    /// <param name="independentRandom">Draws those of the independent heads, so that the others are the same with and without.</param>
    public TowerPair(TowerSizes sizes, Generator random, Generator independentRandom)
        : base(nameof(TowerPair))
    {
        var independent = sizes.Independent ? independentRandom : null;
        left = new Tower(sizes.Left, sizes.Hidden, sizes.Embedding, random, independent);
        right = new Tower(sizes.Right, sizes.Hidden, sizes.Embedding, random, independent);
        RegisterComponents();
    }

    public Tower Left => left;

    public Tower Right => right;

    public void Save(string path) => WeightsFile.Save(path, this);

    /// <exception cref="UserError">The file does not hold two towers.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static TowerPair Load(string path)
    {
        // The weights drawn here are replaced at once.
        using var random = new Generator(0);
        var towers = new TowerPair(Sizes(path), random, random);
        try
        {
            WeightsFile.LoadInto(path, towers);
            return towers;
        }
        catch
        {
            towers.Dispose();
            throw;
        }
    }

    private static TowerSizes Sizes(string path)
    {
        var tensors = WeightsFile.ReadHeader(path).Tensors;
        return tensors.TryGetValue("left.hidden.weight", out var leftHidden) && leftHidden.Shape is [var hidden, var leftFeatures]
            && tensors.TryGetValue("right.hidden.weight", out var rightHidden) && rightHidden.Shape is [_, var rightFeatures]
            && tensors.TryGetValue("left.shared.weight", out var shared) && shared.Shape is [var embedding, _]
            ? new TowerSizes(leftFeatures, rightFeatures, hidden, embedding, tensors.ContainsKey("left.independent.weight"))
            : throw new UserError($"{path}: does not hold two towers");
    }
}
