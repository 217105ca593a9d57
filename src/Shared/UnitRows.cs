using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>Features on their way into a computation: half precision widened, rows at length 1.</summary>
internal static class UnitRows
{
    /// <summary>float16 and bfloat16 have too few digits for sums over a batch: they are computed in float32.</summary>
    public static ScalarType ComputeType(ScalarType type)
        => type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;

    /// <summary>Rows of the last dimension at length 1; a zero row stays zero and takes no gradient.</summary>
    public static Tensor Normalize(Tensor features)
    {
        var squares = features.Square().sum(dim: -1, keepdim: true);
        var zero = squares.eq(Scalars.Zero);
        var inverse = squares.masked_fill(zero, Scalars.One).rsqrt().masked_fill(zero, Scalars.Zero);
        return features.mul(inverse);
    }

    /// <summary>1/‖x‖ of each row (n, 1); 0 of a zero row.</summary>
    public static Tensor InverseLengths(Tensor rows)
    {
        var lengths = linalg.vector_norm(rows, 2, [1], keepdim: true);
        return lengths.reciprocal().masked_fill(lengths.eq(Scalars.Zero), Scalars.Zero);
    }

    /// <summary>Widened, and normalised if asked for.</summary>
    public static Tensor Prepare(Tensor features, bool normalize)
    {
        var wide = features.to(ComputeType(features.dtype));
        return normalize ? Normalize(wide) : wide;
    }
}
