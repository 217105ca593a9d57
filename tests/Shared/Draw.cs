using System.Globalization;
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

    /// <summary>
    /// Runs a property on random cases, one after another, each in a dispose scope of its own: the same ones in every run, others with
    /// CONTRASTIVE_SEED set to another number than 0. A failure prints its case's seed; with CsCheck_Seed set to that, it comes first, and smaller
    /// ones that fail are looked for.
    /// </summary>
    public static void Check<T>(this Gen<T> gen, Action<T> property, int iterations = 60)
    {
        if (Environment.GetEnvironmentVariable("CsCheck_Seed") is not null)
        {
            gen.Sample(InScope, iter: iterations, threads: 1);
            return;
        }

        var seeds = new PCG(1, ulong.Parse(Environment.GetEnvironmentVariable("CONTRASTIVE_SEED") ?? "0", CultureInfo.InvariantCulture));
        for (var i = 0; i < iterations; i++)
            gen.Sample(InScope, seed: new PCG(1, seeds.Next64()).ToString(), iter: 1, threads: 1);

        void InScope(T value)
        {
            using var scope = NewDisposeScope();
            property(value);
        }
    }
}
