using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The running mean and scatter of gradients, as deviations from the full gradient: the mean's distance to it then loses no
/// digits. Its tensors live in the dispose scope of its construction.
/// </summary>
/// <remarks>Source: B. P. Welford, Technometrics 4 (1962).</remarks>
internal sealed class GradientMoments(Tensor[] full)
{
    /// <summary>mean g_B - g.</summary>
    public Tensor[] Mean { get; } = [.. full.Select(gradient => zeros_like(gradient))];

    /// <summary>Σ ‖g_B - mean g_B‖².</summary>
    public double Scatter { get; private set; }

    public long Count { get; private set; }

    public void Add(Tensor[] gradient)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Count++;
        using var weight = (1.0 / Count).ToScalar();
        for (int i = 0; i < full.Length; i++)
        {
            var step = gradient[i] - full[i] - Mean[i];
            Scatter += Vectors.Dot(step, step) * (Count - 1) / Count;
            Mean[i].add_(step, weight);
        }
    }
}

/// <summary>
/// The scatter of the permutations' mean gradients. Every permutation has as many batches, so the mean over all batches so far
/// is the mean of the permutations' means, and each of these follows from how the former moved.
/// </summary>
internal sealed class PermutationSpread(Tensor[] full)
{
    private readonly Tensor[] _meanBefore = [.. full.Select(gradient => zeros_like(gradient))];

    /// <summary>Σ ‖m_p - mean m_p‖² over the permutations p.</summary>
    public double Scatter { get; private set; }

    public long Count { get; private set; }

    /// <param name="mean">The mean over all batches, up to the end of a whole permutation.</param>
    public void Add(Tensor[] mean)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Count++;
        for (int i = 0; i < mean.Length; i++)
        {
            // mean - before = (m_p - before) / p, and Welford adds ‖m_p - before‖² (p - 1) / p.
            var moved = mean[i] - _meanBefore[i];
            Scatter += Vectors.Dot(moved, moved) * Count * (Count - 1);
            _meanBefore[i].copy_(mean[i]);
        }
    }
}

/// <summary>Products of flat float64 vectors.</summary>
internal static class Vectors
{
    public static double Dot(Tensor left, Tensor right)
    {
        using var product = left.dot(right);
        return product.item<double>();
    }

    public static double Dot(Tensor[] left, Tensor[] right) => left.Zip(right, Dot).Sum();
}

/// <summary>All ways to choose some of the first integers.</summary>
internal static class Combinations
{
    /// <summary>Whether C(n, k) is more than <paramref name="limit"/>; never overflows.</summary>
    public static bool Exceed(long n, long k, long limit)
    {
        Int128 count = 1;
        for (long i = 1; i <= Math.Min(k, n - k); i++)
        {
            count = count * (n - i + 1) / i;
            if (count > limit)
                return true;
        }

        return false;
    }

    /// <summary>Every ascending choice of k among 0, …, n - 1, in lexicographic order.</summary>
    public static IEnumerable<long[]> Of(long n, long k)
    {
        long[] chosen = [.. Enumerable.Range(0, (int)k).Select(i => (long)i)];
        while (true)
        {
            yield return [.. chosen];
            long last = k - 1;
            while (last >= 0 && chosen[last] == n - k + last)
                last--;
            if (last < 0)
                yield break;
            chosen[last]++;
            for (long i = last + 1; i < k; i++)
                chosen[i] = chosen[i - 1] + 1;
        }
    }
}
