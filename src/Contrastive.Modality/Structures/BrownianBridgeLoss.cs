using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Brownian bridge: the augmented feature of an item lies on a bridge from its feature in one modality to that in the other (Jiang et al. 2023, section 3.3; λ is the paper's time t).
/// </summary>
/// <remarks>
/// <para>
/// $$L_{\mathrm{Br}} = \frac{1}{N} \sum_j \lVert v^a_j - \mu_j \rVert^2, \qquad
/// v^a \sim \mathrm{Normal}(\mu, \lambda (1 - \lambda) I), \qquad
/// \mu = \frac{\lambda v + (1 - \lambda) t}{\lVert \lambda v + (1 - \lambda) t \rVert}$$
/// </para>
/// <para>This is the first line of the paper's definition. The second line, an expansion for
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

    /// <inheritdoc/>
    protected override FeatureKinds FirstNeeds => Side != BridgeSide.Second ? FeatureKinds.Augmented : FeatureKinds.None;

    /// <inheritdoc/>
    protected override FeatureKinds SecondNeeds => Side != BridgeSide.First ? FeatureKinds.Augmented : FeatureKinds.None;

    /// <inheritdoc/>
    protected internal override ModalityResult Compute(ModalityBatch batch)
    {
        var (v, t) = (batch.Unit(batch.First.Shared), batch.Unit(batch.Second.Shared));
        Guard.DrawsOn(_generator, batch.First.Shared, "first.Shared");
        var time = Time.Draw(v.shape[0], v.dtype, v.device, _generator);
        var weight = Side == BridgeSide.Both ? 0.5 : 1;
        var terms = new List<ModalityTerm>();
        if (Side != BridgeSide.Second) terms.Add(new ModalityTerm("first", weight, Distance(batch.Unit(batch.First.Augmented!), v, t, time)));
        if (Side != BridgeSide.First) terms.Add(new ModalityTerm("second", weight, Distance(batch.Unit(batch.Second.Augmented!), t, v, time)));
        return ModalityResult.Sum(terms);
    }

    private Tensor Distance(Tensor augmented, Tensor own, Tensor other, Tensor time)
    {
        var mean = BridgeEquation.Mean(own, other, time);
        return (Likelihood == BridgeLikelihood.Gaussian
            ? BridgeEquation.NegativeLogLikelihood(augmented, mean, time)
            : BridgeEquation.SquaredDistance(augmented, mean)).mean();
    }
}

/// <summary>The law of an augmented feature on the bridge from v to t: Normal(μ, λ(1-λ) I), of each item, (N).</summary>
internal static class BridgeEquation
{
    /// <summary>
    /// A mean shorter than this has no direction worth the name (opposite features half-way): it is divided by this and not
    /// by its own length, which keeps it continuous and its gradient finite.
    /// </summary>
    public const double DegenerateLength = 1e-4;

    /// <summary>μ = (λ v + (1-λ) t) / ‖λ v + (1-λ) t‖, (N, D). The time λ is (N, 1).</summary>
    public static Tensor Mean(Tensor own, Tensor other, Tensor time)
    {
        var mean = own.mul(time).Plus(other.mul(time.neg().Plus(1)));
        using var least = (DegenerateLength * DegenerateLength).ToScalar();
        return mean.mul(mean.Square().sum(dim: 1, keepdim: true).clamp_min(least).rsqrt());
    }

    /// <summary>‖v^a - μ‖², (N), from the difference itself: no digits are lost near the optimum.</summary>
    public static Tensor SquaredDistance(Tensor augmented, Tensor mean) => augmented.sub(mean).Square().sum(dim: 1);

    /// <summary>-log p(v^a) = ‖v^a - μ‖² / (2 λ(1-λ)) + D/2 log(2π λ(1-λ)), (N).</summary>
    public static Tensor NegativeLogLikelihood(Tensor augmented, Tensor mean, Tensor time)
    {
        var variance = time.mul(time.neg().Plus(1)).squeeze(1);
        return SquaredDistance(augmented, mean).div(variance.Times(2))
            .Plus(variance.Times(2 * Math.PI).log().Times(augmented.shape[1] / 2.0));
    }
}

/// <summary>Whose augmented features are to lie on the bridge between the modalities.</summary>
public enum BridgeSide
{
    /// <summary>The first modality's, as in the paper.</summary>
    First,

    /// <summary>The second modality's.</summary>
    Second,

    /// <summary>Both, each with weight one half.</summary>
    Both,
}

/// <summary>How far a feature is from where the bridge expects it.</summary>
public enum BridgeLikelihood
{
    /// <summary>‖v^a - μ‖², the paper's L_Br.</summary>
    SquaredDistance,

    /// <summary>The negative logarithm of the density Normal(μ, λ(1-λ) I): the distance in units of the bridge's width.</summary>
    Gaussian,
}
