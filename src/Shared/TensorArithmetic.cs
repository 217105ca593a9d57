using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>
/// The arithmetic that TorchSharp's own operators do with temporary scalars (see <see cref="Scalars"/>), done with
/// scalars that are alive during the call. <c>a - b</c>, <c>a * b</c> and <c>a / b</c> of two tensors are safe as they are.
/// </summary>
internal static class TensorArithmetic
{
    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, Scalars.One);

    public static Tensor Plus(this Tensor left, double right)
    {
        using var value = right.ToScalar();
        return left.add(value, Scalars.One);
    }

    /// <summary>In place.</summary>
    public static Tensor Subtract_(this Tensor left, double right)
    {
        using var value = right.ToScalar();
        return left.sub_(value);
    }

    public static Tensor Times(this Tensor left, double right)
    {
        using var value = right.ToScalar();
        return left.mul(value);
    }

    /// <summary>In another dtype; itself where it has it.</summary>
    public static Tensor To(this Tensor tensor, ScalarType type) => tensor.dtype == type ? tensor : tensor.to(type);

    /// <summary>The sum of all elements.</summary>
#pragma warning disable RS0030 // The ban is meant for sum(0), which binds to the same overload.
    public static Tensor SumAll(this Tensor tensor) => tensor.sum();
#pragma warning restore RS0030

    /// <summary>Whether a tensor's only number, (), is finite. Waits for the device.</summary>
    public static bool IsFinite(this Tensor number)
        => number.dtype == ScalarType.Float32 ? float.IsFinite(number.item<float>()) : double.IsFinite(number.to(ScalarType.Float64).item<double>());

    public static Tensor Square(this Tensor tensor) => tensor.mul(tensor);

    /// <summary>The integers <paramref name="start"/>, …, <paramref name="start"/> + <paramref name="count"/> - 1.</summary>
    public static Tensor Range(long start, long count, Device device)
    {
        using var first = start.ToScalar();
        using var end = (start + count).ToScalar();
        return arange(first, end, Scalars.OneIndex, ScalarType.Int64, device);
    }
}
