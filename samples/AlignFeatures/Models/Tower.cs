using Contrastive.Modality;
using Contrastive.Numerics;
using TorchSharp.Modules;
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
    private readonly Parameter weight1;
    private readonly Parameter bias1;
    private readonly Parameter weight2;
    private readonly Parameter bias2;
    private readonly Parameter? weight3;
    private readonly Parameter? bias3;
    private readonly Tensor mean;
    private readonly Tensor deviation;

    /// <param name="features">D, the width of the input.</param>
    /// <param name="hidden">Units of the hidden layer.</param>
    /// <param name="embedding">E, the width of the output.</param>
    /// <param name="random">Draws the weights; the global random state is not touched.</param>
    /// <param name="independentRandom">Draws the weights of the independent head, if there is to be one.</param>
    public Tower(long features, long hidden, long embedding, Generator random, Generator? independentRandom = null)
        : base(nameof(Tower))
    {
        weight1 = Drawn([hidden, features], features, random);
        bias1 = Drawn([hidden], features, random);
        weight2 = Drawn([embedding, hidden], hidden, random);
        bias2 = Drawn([embedding], hidden, random);
        if (independentRandom is not null)
        {
            weight3 = Drawn([embedding, hidden], hidden, independentRandom);
            bias3 = Drawn([embedding], hidden, independentRandom);
        }

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
        return Shared(Hidden(Standardize(input))).MoveToOuterDisposeScope();
    }

    /// <summary>Every feature that the structures can use, of items and, if <paramref name="augment"/> is given, of their augmentations.</summary>
    public ModalityFeatures Features(Tensor input, Func<Tensor, Tensor>? augment)
    {
        var standard = Standardize(input);
        var hidden = Hidden(standard);
        if (augment is null)
            return new ModalityFeatures(Shared(hidden), Independent: Independent(hidden));
        var augmented = Hidden(augment(standard));
        return new ModalityFeatures(Shared(hidden), Shared(augmented), Independent(hidden), Independent(augmented));
    }

    private Tensor Standardize(Tensor input) => input.sub(mean).div(deviation);

    private Tensor Hidden(Tensor standard) => F.gelu(F.linear(standard, weight1, bias1));

    private Tensor Shared(Tensor hidden) => F.linear(hidden, weight2, bias2);

    private Tensor? Independent(Tensor hidden) => weight3 is null ? null : F.linear(hidden, weight3, bias3);

    /// <summary>Uniform within ±1/√(fan-in), as a linear layer starts by default.</summary>
    private static Parameter Drawn(long[] shape, long fanIn, Generator random)
    {
        var bound = 1 / Math.Sqrt(fanIn);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var parameter = new Parameter(empty(shape).uniform_(-bound, bound, random));
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
