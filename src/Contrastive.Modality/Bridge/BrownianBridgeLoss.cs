using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Brownian bridge: the augmented feature of an item lies on a bridge from its feature in one modality to that in the other,
/// v^a ~ Normal(μ, λ(1-λ) I), μ = (λ v + (1-λ) t) / ‖λ v + (1-λ) t‖ (Jiang et al. 2023, section 3.3; λ is the paper's time t).
/// </summary>
/// <remarks>
/// <para>L_Br = 1/N Σ_j ‖v^a_j - μ_j‖². This is the first line of the paper's definition. The second line, an expansion for
/// unit vectors, lost its factor -2, its constant and a square root in print; as it stands it would push v^a away from the
/// bridge, so it is not offered.</para>
/// <para>Opposite features half-way, or zero features, have no mean direction: a mean shorter than 1e-4 is divided by 1e-4,
/// so the loss is defined and its gradient finite.</para>
/// <para>Terms: <c>first</c> and/or <c>second</c>. Features are normalised. Needs the augmentation of the side in
/// question.</para>
/// </remarks>
public sealed class BrownianBridgeLoss : ModalityLoss
{
    private readonly Generator? _generator;

    /// <summary>Creates the loss.</summary>
    /// <param name="time">λ; fixed at 0.25 by default, as in the paper.</param>
    /// <param name="side">Whose augmented features are meant.</param>
    /// <param name="likelihood">The squared distance or the Gaussian's negative log-likelihood.</param>
    /// <param name="generator">Where drawn times come from; by default TorchSharp's global generator. On the features' device.</param>
    /// <exception cref="ArgumentOutOfRangeException">An enumeration has a value it does not define.</exception>
    public BrownianBridgeLoss(
        BridgeTime? time = null,
        BridgeSide side = BridgeSide.First,
        BridgeLikelihood likelihood = BridgeLikelihood.SquaredDistance,
        Generator? generator = null)
    {
        Time = time ?? BridgeTime.Fixed(0.25);
        Side = Guard.Defined(side);
        Likelihood = Guard.Defined(likelihood);
        _generator = generator;
    }

    /// <summary>λ, the weight of the augmented feature's own modality in the mean.</summary>
    public BridgeTime Time { get; }

    /// <summary>Whose augmented features are meant.</summary>
    public BridgeSide Side { get; }

    /// <summary>The squared distance or the Gaussian's negative log-likelihood.</summary>
    public BridgeLikelihood Likelihood { get; }

    internal override void Require(ModalityFeatures first, ModalityFeatures second)
    {
        if (Side != BridgeSide.Second) first.RequireAugmented(nameof(BrownianBridgeLoss), nameof(first));
        if (Side != BridgeSide.First) second.RequireAugmented(nameof(BrownianBridgeLoss), nameof(second));
    }

    internal override void Compute(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds, WeightedSum sum)
    {
        var (v, t) = (UnitRows.Of(first.Shared), UnitRows.Of(second.Shared));
        var time = Time.Draw(v.shape[0], v.dtype, v.device, _generator);
        var weight = Side == BridgeSide.Both ? 0.5 : 1;
        if (Side != BridgeSide.Second) sum.Add("first", weight, Distance(first.Augmented!, v, t, time));
        if (Side != BridgeSide.First) sum.Add("second", weight, Distance(second.Augmented!, t, v, time));
    }

    private Tensor Distance(Tensor augmented, Tensor own, Tensor other, Tensor time)
    {
        var feature = UnitRows.Of(augmented);
        var mean = BridgeEquation.Mean(own, other, time);
        return (Likelihood == BridgeLikelihood.Gaussian
            ? BridgeEquation.NegativeLogLikelihood(feature, mean, time)
            : BridgeEquation.SquaredDistance(feature, mean)).mean();
    }
}
