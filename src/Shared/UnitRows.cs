using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>Features on their way into a computation: half precision widened, rows at length 1.</summary>
internal static class UnitRows
{
    /// <summary>float16 and bfloat16 have too few digits for sums over a batch: they are computed in float32.</summary>
    public static ScalarType ComputeType(ScalarType type)
        => type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;

    /// <summary>Half precision in float32; others as they are.</summary>
    public static Tensor Widen(Tensor features) => features.To(ComputeType(features.dtype));

    /// <summary>Widened, rows of the last dimension at length 1; a zero row stays zero and takes no gradient.</summary>
    public static Tensor Of(Tensor features)
    {
        var wide = Widen(features);
        return wide.div(Lengths(wide));
    }

    /// <summary>1/‖x‖ along the last dimension, which stays with size 1, without a graph; 0 of a zero row.</summary>
    public static Tensor InverseLengths(Tensor rows) => rows.norm(-1, keepdim: true, 2).reciprocal_().nan_to_num_(double.NaN, 0, 0);

    /// <summary>‖x‖ along the last dimension, which stays with size 1; ∞ of a zero row, so that what is divided by it is 0.</summary>
    public static Tensor Lengths(Tensor rows)
    {
        var lengths = rows.norm(-1, keepdim: true, 2);
        return lengths.masked_fill(lengths.eq(Scalars.Zero), Scalars.Infinity);
    }
}
