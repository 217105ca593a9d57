using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Contrastive.Numerics;

/// <summary>Argument checks. Each names the argument and says both what was given and what was expected.</summary>
internal static class Guard
{
    /// <summary>A floating-point matrix, one row per item.</summary>
    public static void Features(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.dim() != 2)
            throw new ArgumentException($"{name} must have the shape (N, D) but has {Shape(tensor)}", name);
        Floating(tensor, name);
        if (tensor.size(1) == 0)
            throw new ArgumentException($"{name} has no features: its shape is {Shape(tensor)}", name);
    }

    public static void Floating(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (!IsFloating(tensor.dtype))
            throw new ArgumentException($"{name} must be float16, bfloat16, float32 or float64 but is {tensor.dtype}", name);
    }

    /// <summary>Two feature matrices that can be compared: same width, same dtype, same device.</summary>
    public static void Comparable(
        Tensor left,
        Tensor right,
        [CallerArgumentExpression(nameof(left))] string leftName = "",
        [CallerArgumentExpression(nameof(right))] string rightName = "")
    {
        long leftWidth = left.size(-1), rightWidth = right.size(-1);
        if (leftWidth != rightWidth)
            throw new ArgumentException($"{leftName} have {leftWidth} features but {rightName} have {rightWidth}", rightName);
        if (left.dtype != right.dtype)
            throw new ArgumentException($"{leftName} are {left.dtype} but {rightName} are {right.dtype}", rightName);
        SameDevice(left, right, leftName, rightName);
    }

    /// <summary>Two matrices whose rows belong together.</summary>
    public static void SameRows(
        Tensor left,
        Tensor right,
        [CallerArgumentExpression(nameof(left))] string leftName = "",
        [CallerArgumentExpression(nameof(right))] string rightName = "")
    {
        if (left.size(0) != right.size(0))
            throw new ArgumentException($"{leftName} have {left.size(0)} rows but {rightName} have {right.size(0)}", rightName);
    }

    public static void SameDevice(
        Tensor left,
        Tensor right,
        [CallerArgumentExpression(nameof(left))] string leftName = "",
        [CallerArgumentExpression(nameof(right))] string rightName = "")
    {
        if (left.device_type != right.device_type || left.device_index != right.device_index)
            throw new ArgumentException($"{leftName} are on {left.device} but {rightName} are on {right.device}", rightName);
    }

    /// <summary>Refuses a source of draws that cannot draw where a tensor is.</summary>
    public static void DrawsOn(Generator? generator, Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (generator is not null && generator.device.type != tensor.device_type)
            throw new ArgumentException($"generator is on {generator.device} but {name} are on {tensor.device}", nameof(generator));
    }

    public static void Integers(Tensor tensor, long count, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.dtype is not (ScalarType.Int64 or ScalarType.Int32 or ScalarType.Int16 or ScalarType.Int8 or ScalarType.Byte))
            throw new ArgumentException($"{name} must be integers but are {tensor.dtype}", name);
        if (tensor.dim() != 1 || tensor.size(0) != count)
            throw new ArgumentException($"{name} must have the shape ({count}) but have {Shape(tensor)}", name);
    }

    public static void Mask(Tensor tensor, long rows, long columns, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.dtype != ScalarType.Bool)
            throw new ArgumentException($"{name} must be bool but is {tensor.dtype}", name);
        if (tensor.dim() != 2 || tensor.size(0) != rows || tensor.size(1) != columns)
            throw new ArgumentException($"{name} must have the shape ({rows}, {columns}) but has {Shape(tensor)}", name);
    }

    public static double Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "")
        => value > 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be positive and finite but is {value}");

    public static double Weight(double value, [CallerArgumentExpression(nameof(value))] string name = "")
        => value >= 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 0 and finite but is {value}");

    public static long AtLeast(long value, long minimum, [CallerArgumentExpression(nameof(value))] string name = "")
        => value >= minimum
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least {minimum} but is {value}");

    public static double Between(double value, double low, double high, [CallerArgumentExpression(nameof(value))] string name = "")
        => value >= low && value <= high
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in [{low}, {high}] but is {value}");

    /// <summary>Strictly between.</summary>
    public static double Inside(double value, double low, double high, [CallerArgumentExpression(nameof(value))] string name = "")
        => value > low && value < high
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in ({low}, {high}) but is {value}");

    public static T Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : struct, Enum
        => Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be one of {string.Join(", ", Enum.GetNames<T>())} but is {value} ({typeof(T).Name})");

    public static bool IsFloating(ScalarType type)
        => type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    public static string Shape(Tensor tensor) => $"({string.Join(", ", tensor.shape)})";
}
