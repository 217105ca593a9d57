using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>Features on their way into a metric.</summary>
internal static class FeatureRows
{
    /// <summary>Rows at length 1, or as given. A zero row stays zero.</summary>
    public static Tensor Prepare(Tensor features, bool normalize)
        => normalize ? Unit(UnitRows.Widen(features)) : UnitRows.Widen(features);

    /// <summary>The power of two that brings the largest of all entries into [1, 2), or near; 1 where all are zero.</summary>
    public static double PowerOfTwo(params Tensor[] features)
    {
        double largest = features.Max(matrix =>
        {
            using var magnitudes = matrix.abs();
            using var norm = magnitudes.max();
            return norm.to_type(ScalarType.Float64).item<double>();
        });
        int limit = features[0].dtype == ScalarType.Float64 ? 1022 : 126;
        return largest == 0 ? 1 : Math.ScaleB(1, -Math.Clamp(Math.ILogB(largest), -limit, limit));
    }

    /// <summary>Each row's Euclidean length, of shape (N).</summary>
    public static Tensor Lengths(Tensor features) => features.norm(1, keepdim: false, 2);

    /// <summary>
    /// How far off a score may be, for vectors of length 1. A matrix product adds in an order that depends on where in the tile an
    /// entry lies, so copies of one vector do not get bit-equal scores; each is off by D u at worst (u = ε/2 the unit roundoff;
    /// Higham, Accuracy and Stability of Numerical Algorithms, §3.1), and the length of a normalised row by a few ε more. It is
    /// a bound, far above what is found: scores that it leaves in doubt are worked out in float64.
    /// </summary>
    public static double Rounding(Tensor features) => Rounding(features.shape[1], features.dtype);

    /// <summary>
    /// How far two scores that are equal on paper may lie apart when worked out in float64, for vectors of length 1: the entries of
    /// both rows were rounded to the dtype they came in, by half an ε each, which is ε for a score and 2 ε for two; and the sum in
    /// float64 adds its own.
    /// </summary>
    public static double TieTolerance(Tensor features)
        => (2 * Epsilon(features.dtype)) + Rounding(features.shape[1], ScalarType.Float64);

    /// <summary>The distance from 1 to the next number of float64 or float32.</summary>
    public static double Epsilon(ScalarType type)
        => type == ScalarType.Float64 ? double.BitIncrement(1) - 1 : float.BitIncrement(1) - 1;

    /// <summary>In float64, on the CPU where the device does not know it.</summary>
    public static Tensor Exact(Tensor tensor)
        => (tensor.device_type == DeviceType.MPS ? tensor.cpu() : tensor).to_type(ScalarType.Float64);

    private static double Rounding(long columns, ScalarType type) => ((columns / 2.0) + 4) * Epsilon(type);

    /// <summary>Divided by the largest entry first, so that no square overflows or vanishes.</summary>
    private static Tensor Unit(Tensor features)
    {
        var largest = features.norm(1, keepdim: true, float.PositiveInfinity);
        var scaled = features / largest.masked_fill_(largest.eq(Scalars.Zero), Scalars.One);
        var length = scaled.norm(1, keepdim: true, 2);
        return scaled.div_(length.masked_fill_(length.eq(Scalars.Zero), Scalars.One));
    }

    /// <summary>The sum of a vector in float64. The vector goes to the CPU: not every device knows float64.</summary>
    public static double Sum(Tensor vector)
        => vector.cpu().to_type(ScalarType.Float64).sum(dim: 0).item<double>();

    /// <summary>A vector's numbers.</summary>
    public static double[] Doubles(Tensor vector) => vector.cpu().to_type(ScalarType.Float64).data<double>().ToArray();
}
