using Contrastive.Modality;
using Contrastive.Numerics;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.AlignFeatures.Models;

/// <summary>
/// A small encoder: raw features (N, D), standardised, through a hidden layer with GELU, to an embedding (N, E) that is
/// shared with the other side and, if asked for, a second one of this side's own. The standardisation is fitted on the
/// training items and kept with the weights, so a saved tower takes features as they are.
/// </summary>
public sealed class Tower : nn.Module<Tensor, Tensor>
{
    // Named as they are registered and saved: hidden.weight, shared.bias, mean.
    private readonly DrawnLinear hidden;
    private readonly DrawnLinear shared;
    private readonly DrawnLinear? independent;
    private readonly Tensor mean;
    private readonly Tensor deviation;

    /// <param name="features">D, the width of the input.</param>
    /// <param name="hiddenUnits">Units of the hidden layer.</param>
    /// <param name="embedding">E, the width of the output.</param>
    /// <param name="random">Draws the weights; the global random state is not touched.</param>
    /// <param name="independentRandom">Draws the weights of the independent head, if there is to be one.</param>
    public Tower(long features, long hiddenUnits, long embedding, Generator random, Generator? independentRandom = null)
        : base(nameof(Tower))
    {
        hidden = new DrawnLinear(features, hiddenUnits, random);
        shared = new DrawnLinear(hiddenUnits, embedding, random);
        if (independentRandom is not null)
            independent = new DrawnLinear(hiddenUnits, embedding, independentRandom);
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
        if (augment is null)
            return new ModalityFeatures(shared.call(layer), Independent: independent?.call(layer));
        var augmented = Hidden(augment(standard));
        return new ModalityFeatures(shared.call(layer), shared.call(augmented), independent?.call(layer), independent?.call(augmented));
    }

    private Tensor Standardize(Tensor input) => input.sub(mean).div(deviation);

    private Tensor Hidden(Tensor standard) => F.gelu(hidden.call(standard));
}
