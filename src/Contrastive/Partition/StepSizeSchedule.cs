using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The step size ρ of the stochastic approximation Ẑ_i ← (1-ρ) Ẑ_i + ρ Z̃_i, as a function of how often sample i has been
/// visited: in an epoch-wise loop, of the epoch. The first visit always takes ρ = 1.
/// </summary>
/// <remarks>Σρ = ∞ and Σρ² &lt; ∞ is the condition for convergence (Robbins and Monro 1951).</remarks>
public abstract class StepSizeSchedule
{
    /// <summary>ρ of each visit.</summary>
    /// <param name="visit">(m) int64: 1 for the first visit of a sample, 2 for the second, and so on.</param>
    /// <param name="dtype">The dtype of the result.</param>
    /// <returns>(m), in [0, 1].</returns>
    public abstract Tensor At(Tensor visit, ScalarType dtype);

    /// <summary>The same ρ at each visit: follows features that keep moving, never settles.</summary>
    /// <param name="rho">Range: 0 &lt; ρ ≤ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">ρ is out of range.</exception>
    public static StepSizeSchedule Constant(double rho) => new ConstantSchedule(Rate(rho, nameof(rho)));

    /// <summary>
    /// From one ρ to another along half a cosine, then constant: ρ(v) = to + (from - to) (1 + cos(π v / visits)) / 2 at visit v
    /// up to <paramref name="visits"/>.
    /// </summary>
    /// <param name="from">ρ where the fall begins, before the first visit. Range: 0 &lt; ρ ≤ 1.</param>
    /// <param name="to">ρ in the end. Range: 0 &lt; ρ ≤ 1.</param>
    /// <param name="visits">How many visits of a sample (epochs) the fall takes. Range: visits ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public static StepSizeSchedule Cosine(double from, double to, long visits)
        => new CosineSchedule(Rate(from, nameof(from)), Rate(to, nameof(to)), Guard.AtLeast(visits, 1));

    /// <summary>ρ = scale · visit^(-exponent), at most 1.</summary>
    /// <param name="exponent">Range: exponent > 0; above ½ and up to 1 the condition for convergence holds.</param>
    /// <param name="scale">Range: scale > 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public static StepSizeSchedule Power(double exponent, double scale = 1)
        => new PowerSchedule(Guard.Positive(exponent), Guard.Positive(scale));

    private static double Rate(double value, string name)
        => value > 0 && value <= 1
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in (0, 1] but is {value}");

    private sealed class ConstantSchedule(double rho) : StepSizeSchedule
    {
        public override Tensor At(Tensor visit, ScalarType dtype)
        {
            using var value = rho.ToScalar();
            return full_like(visit, value, dtype: dtype);
        }
    }

    private sealed class CosineSchedule(double from, double to, long visits) : StepSizeSchedule
    {
        public override Tensor At(Tensor visit, ScalarType dtype)
        {
            using var scope = NewDisposeScope();
            using var end = ((double)visits).ToScalar();
            var angle = visit.to(dtype).clamp_max(end).Times(Math.PI / visits);
            return angle.cos().Plus(1).Times((from - to) / 2).Plus(to).MoveToOuterDisposeScope();
        }
    }

    private sealed class PowerSchedule(double exponent, double scale) : StepSizeSchedule
    {
        public override Tensor At(Tensor visit, ScalarType dtype)
        {
            using var scope = NewDisposeScope();
            using var power = (-exponent).ToScalar();
            return visit.to(dtype).pow(power).Times(scale).clamp_max(Scalars.One).MoveToOuterDisposeScope();
        }
    }
}
