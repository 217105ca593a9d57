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
    /// <summary>
    /// For |s| ≤ <paramref name="bound"/> and sums of up to <paramref name="count"/>; null where the range is too large, or the
    /// bound no number.
    /// </summary>
    public static Exponents? For(double bound, long count, ScalarType dtype)
    {
        // exp(±safe) and the sum of so many of them are normal numbers of the dtype; so is a sum's reciprocal.
        var safe = (dtype == ScalarType.Float64 ? 650.0 : 75) - Math.Max(0, Math.Log(count / 65536.0));
        if (bound <= safe) return new Exponents(0, 0);
        // Half as much again: the largest still fit, and whether small ones matter shows in the sums. A sum of at least exp(-safe + 15)
        // has lost less than a part in 10^7 (in float32) to terms that became 0.
        return bound <= 1.5 * safe ? new Exponents(bound - safe, Math.Exp(15 - safe)) : null;
    }

    /// <summary>A tile of similarities into exponentials, in place.</summary>
    public void Apply_(Tensor tile)
    {
        if (Shift != 0) tile.Subtract_(Shift);
        tile.exp_();
    }
}
