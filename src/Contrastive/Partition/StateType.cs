using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The dtypes that an estimator's state can be kept in: half precision is too coarse for it.</summary>
internal static class StateType
{
    /// <exception cref="ArgumentException">The dtype is another.</exception>
    public static ScalarType Check(ScalarType dtype)
        => IsFine(dtype) ? dtype : throw new ArgumentException($"dtype must be float32 or float64 but is {dtype}", nameof(dtype));

    /// <summary>Refuses a state that was converted together with the module that holds it.</summary>
    /// <exception cref="InvalidOperationException">It was.</exception>
    public static void CheckUnconverted(ScalarType dtype, string estimator)
    {
        if (!IsFine(dtype))
            throw new InvalidOperationException(
                $"the {estimator} was converted to {dtype}, which is too coarse for it: convert the encoders, not the loss");
    }

    private static bool IsFine(ScalarType dtype) => dtype is ScalarType.Float32 or ScalarType.Float64;
}
