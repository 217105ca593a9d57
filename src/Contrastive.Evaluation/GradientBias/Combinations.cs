namespace Contrastive.Evaluation;

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
