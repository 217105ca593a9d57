using System.Collections.Immutable;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// For each query, how many candidates score above its true match (g) and how many others score the same (t); and the
/// scores that follow when tied candidates come in random order.
/// </summary>
internal sealed class MatchCounts(long[] above, long[] tied)
{
    /// <param name="above">Candidates above the match, (N) int64.</param>
    /// <param name="atLeast">Candidates above it or tied with it, the match itself among them, (N) int64.</param>
    public static MatchCounts From(Tensor above, Tensor atLeast)
    {
        long[] greater = above.cpu().data<long>().ToArray();
        long[] all = atLeast.cpu().data<long>().ToArray();
        return new MatchCounts(greater, [.. all.Zip(greater, (count, g) => count - g - 1)]);
    }

    public RetrievalScores Scores(int[] cutoffs)
    {
        double[] ranks = [.. above.Zip(tied, (g, t) => g + 1 + (t / 2.0))];
        return new RetrievalScores(
            [.. ranks],
            cutoffs.ToImmutableSortedDictionary(k => k, k => above.Zip(tied, (g, t) => Hit(k, g, t)).Average()),
            MeanReciprocalRank(),
            ranks.Average(),
            Median(ranks));
    }

    private static double Hit(int k, long g, long t) => Math.Clamp((k - g) / (t + 1.0), 0, 1);

    private double MeanReciprocalRank()
    {
        // Sums of 1/rank over a run of tied ranks, from the harmonic numbers: N runs of N ranks each would cost N².
        long last = 0;
        for (int i = 0; i < above.Length; i++)
            last = tied[i] > 0 ? Math.Max(last, above[i] + tied[i] + 1) : last;
        double[] harmonic = new double[last + 1];
        for (int n = 1; n <= last; n++)
            harmonic[n] = harmonic[n - 1] + (1.0 / n);

        return above.Zip(tied, (g, t) => t == 0 ? 1.0 / (g + 1) : (harmonic[g + t + 1] - harmonic[g]) / (t + 1)).Average();
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int half = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
