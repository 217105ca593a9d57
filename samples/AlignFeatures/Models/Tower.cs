using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.AlignFeatures.Models;

/// <summary>
/// A small encoder: raw features (N, D), standardised, through a hidden layer with GELU, to an embedding (N, E). The
/// standardisation is fitted on the training items and kept with the weights, so a saved tower takes features as they are.
/// </summary>
public sealed class Tower : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight1;
    private readonly Parameter bias1;
    private readonly Parameter weight2;
    private readonly Parameter bias2;
    private readonly Tensor mean;
    private readonly Tensor deviation;

    /// <param name="features">D, the width of the input.</param>
    /// <param name="hidden">Units of the hidden layer.</param>
    /// <param name="embedding">E, the width of the output.</param>
    /// <param name="random">Draws the weights; the global random state is not touched.</param>
    public Tower(long features, long hidden, long embedding, Generator random)
        : base(nameof(Tower))
    {
        weight1 = Drawn([hidden, features], features, random);
        bias1 = Drawn([hidden], features, random);
        weight2 = Drawn([embedding, hidden], hidden, random);
        bias2 = Drawn([embedding], hidden, random);
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
        var standard = (input - mean) / deviation;
        var active = F.gelu(F.linear(standard, weight1, bias1));
        return F.linear(active, weight2, bias2).MoveToOuterDisposeScope();
    }

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
