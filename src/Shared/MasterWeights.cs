using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>
/// A float32 copy of a float16 or bfloat16 parameter, for what changes it in small steps: a step below half of the last digit
/// (1/512 of the value in bfloat16) would be rounded away, each time anew. The parameter is the copy, rounded.
/// </summary>
internal static class MasterWeights
{
    public static bool AreNeeded(Tensor parameter) => parameter.dtype is ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>The dtype for what is kept from step to step beside a parameter.</summary>
    public static ScalarType StateType(Tensor parameter) => AreNeeded(parameter) ? ScalarType.Float32 : parameter.dtype;

    /// <summary>Takes in what others did to the parameter since it was written: weights that were loaded or clamped.</summary>
    public static void Follow(Tensor master, Tensor parameter)
    {
        using var scope = NewDisposeScope();
        var unchanged = master.to(parameter.dtype).eq(parameter);
        master.copy_(where(unchanged, master, parameter.to(master.dtype)));
    }
}
