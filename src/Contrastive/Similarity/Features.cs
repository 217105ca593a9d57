using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Features on their way into a similarity: half precision widened, rows normalised where cosine is asked for.</summary>
internal static class Features
{
    /// <summary>float16 and bfloat16 have too few digits for a log-sum-exp: they are computed in float32.</summary>
    public static ScalarType ComputeType(ScalarType type)
        => type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;

    public static Tensor Prepare(Tensor features, SimilarityMeasure measure)
    {
        var wide = features.to(ComputeType(features.dtype));
        return measure == SimilarityMeasure.Cosine ? Normalize(wide) : wide;
    }

    /// <summary>Rows of the last dimension at length 1; a zero row stays zero and takes no gradient.</summary>
    public static Tensor Normalize(Tensor features)
    {
        var squares = features.Square().sum(dim: -1, keepdim: true);
        var zero = squares.eq(Scalars.Zero);
        var inverse = squares.masked_fill(zero, Scalars.One).rsqrt().masked_fill(zero, Scalars.Zero);
        return features.mul(inverse);
    }
}
