using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

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
