using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.TestSupport;

/// <summary>Random tensors from a seed.</summary>
internal static class Draw
{
    public static Tensor Normal(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: ScalarType.Float64, generator: generator);
    }

    public static Tensor Leaf(long seed, params long[] shape) => Normal(seed, shape).requires_grad_();

    public static Tensor Mask(long seed, double probability, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return rand(shape, dtype: ScalarType.Float64, generator: generator).lt(tensor(probability));
    }

    public static Tensor Integers(long seed, int exclusiveMaximum, long count)
    {
        using var generator = new Generator((ulong)seed);
        return randint(0, exclusiveMaximum, [count], dtype: ScalarType.Int64, generator: generator);
    }

    /// <summary>Runs a property on random cases, one after another, each in a dispose scope of its own.</summary>
    public static void Check<T>(this Gen<T> gen, Action<T> property, int iterations = 60)
        => gen.Sample(
            value =>
            {
                using var scope = NewDisposeScope();
                property(value);
            },
            iter: iterations,
            threads: 1);
}
