using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Where similarities are known to lie in a range that exp can take, a tile is turned into exponentials once, for its anchors'
/// and its candidates' sums and for the derivatives: exp(s - shift), the same shift for all. Elsewhere every sum needs a
/// maximum, a subtraction and exponentials of its own.
/// </summary>
/// <param name="Shift">What is subtracted first.</param>
/// <param name="Lowest">The least sum that has lost nothing to underflow; 0 where none can.</param>
internal sealed record Exponents(double Shift, double Lowest)
{
    /// <summary>log Σ exp(s), from Σ exp(s - shift).</summary>
    public Tensor Logarithm(Tensor sums) => Shift == 0 ? sums.log() : sums.log().Plus(Shift);

    /// <summary>1 / Σ exp(s - shift), from log Σ exp(s).</summary>
    public Tensor Reciprocal(Tensor logarithms) => (Shift == 0 ? logarithms.neg() : logarithms.neg().Plus(Shift)).exp_();

    /// <summary>For |s| ≤ <paramref name="bound"/>; null where the range is too large, or the bound no number.</summary>
    public static Exponents? For(double bound, ScalarType dtype)
    {
        // exp(±safe) and the sum of 2^16 of them are normal numbers of the dtype; so is a sum's reciprocal.
        var safe = dtype == ScalarType.Float64 ? 650.0 : 75;
        if (bound <= safe) return new Exponents(0, 0);
        // Half as much again: the largest still fit, and whether small ones matter shows in the sums. A sum of at least exp(-safe + 15)
        // has lost less than a part in 10^7 (in float32) to terms that became 0.
        return bound <= 1.5 * safe ? new Exponents(bound - safe, Math.Exp(15 - safe)) : null;
    }
}
