using TorchSharp;

namespace Contrastive.Numerics;

/// <summary>
/// Scalars that live as long as the process. TorchSharp hands the raw handle of a <see cref="Scalar"/> to native code
/// without keeping the object alive, so a temporary one may be finalised during the call. For a value known only at run
/// time, write <c>using var s = value.ToScalar();</c>, which is alive until the end of its block.
/// </summary>
internal static class Scalars
{
    public static readonly Scalar Zero = 0.0.ToScalar();
    public static readonly Scalar One = 1.0.ToScalar();
    public static readonly Scalar Half = 0.5.ToScalar();
    public static readonly Scalar MinusOne = (-1.0).ToScalar();
    public static readonly Scalar MinusTwo = (-2.0).ToScalar();
    public static readonly Scalar Infinity = double.PositiveInfinity.ToScalar();
    public static readonly Scalar NegativeInfinity = double.NegativeInfinity.ToScalar();

    public static readonly Scalar ZeroIndex = 0L.ToScalar();
    public static readonly Scalar OneIndex = 1L.ToScalar();
}
