using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>
/// A small encoder: raw features (N, D), standardised, through a hidden layer with GELU, to an embedding (N, E) that is
/// shared with the other side and, if asked for, a second one of this side's own. The standardisation is fitted on the
/// training items and kept with the weights, so a saved tower takes features as they are.
/// </summary>
public sealed class Tower : nn.Module<Tensor, Tensor>
{
    // Named as they are registered and saved: hidden.weight, shared.bias, mean.
    private readonly Linear hidden;
    private readonly Linear shared;
    private readonly Linear? independent;
    private readonly Tensor mean;
    private readonly Tensor deviation;

    /// <param name="features">D, the width of the input.</param>
    /// <param name="embedding">E, the width of the output.</param>
    /// <param name="independentRandom">Draws the weights of the independent head, if there is to be one.</param>
    public Tower(long features, long hiddenUnits, long embedding, Generator random, Generator? independentRandom = null)
        : base(nameof(Tower))
    {
        hidden = Drawn(features, hiddenUnits, random);
        shared = Drawn(hiddenUnits, embedding, random);
        if (independentRandom is not null)
            independent = Drawn(hiddenUnits, embedding, independentRandom);
        mean = zeros(features);
        deviation = ones(features);
        RegisterComponents();
    }

    /// <summary>Fits the standardisation: mean and standard deviation of each feature; a constant one is only centred.</summary>
    public void Fit(Tensor training)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        mean.copy_(training.mean([0L]));
        var spread = training.std(0L, unbiased: false);
        deviation.copy_(where(spread.gt(Scalars.Zero), spread, ones_like(spread)));
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return shared.call(Hidden(Standardize(input))).MoveToOuterDisposeScope();
    }

    /// <summary>Every feature that the structures can use, of items and, if <paramref name="augment"/> is given, of their augmentations.</summary>
    public ModalityFeatures Features(Tensor input, Func<Tensor, Tensor>? augment)
    {
        var standard = Standardize(input);
        var layer = Hidden(standard);
        var augmented = augment is null ? null : Hidden(augment(standard));
        return new ModalityFeatures(
            shared.call(layer), Of(shared, augmented), Of(independent, layer), Of(independent, augmented));

        static Tensor? Of(Linear? head, Tensor? encoded) => encoded is null ? null : head?.call(encoded);
    }

    private Tensor Standardize(Tensor input) => input.sub(mean).div(deviation);

    private Tensor Hidden(Tensor standard) => F.gelu(hidden.call(standard));

    /// <summary>A layer whose weights the run's generator draws, as PyTorch does: uniform within ±1/√D.</summary>
    private static Linear Drawn(long inputs, long outputs, Generator random)
    {
        var layer = nn.Linear(inputs, outputs);
        var bound = 1 / Math.Sqrt(inputs);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        layer.weight!.uniform_(-bound, bound, random);
        layer.bias!.uniform_(-bound, bound, random);
        return layer;
    }
}

/// <summary>The sizes of two towers that meet in one space; enough to build them again.</summary>
public sealed record TowerSizes(long Left, long Right, long Hidden, long Embedding, bool Independent);

/// <summary>The two towers of a run, saved as safetensors: left.hidden.weight, right.mean and so on.</summary>
public sealed class TowerPair : nn.Module
{
    private readonly Tower left;
    private readonly Tower right;

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

    /// <exception cref="UserError">The file does not hold two towers.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static TowerPair Load(string path)
    {
        var sizes = Sizes(path);
        return ModelFolder.Filled(path, random => new TowerPair(sizes, random, random));
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
