namespace Contrastive.Evaluation;

/// <summary>Where the best match of one query stands.</summary>
/// <param name="Above">g: how many wrong candidates score higher.</param>
/// <param name="Tied">t: how many wrong candidates score the same.</param>
/// <param name="Matches">c: how many right ones score the same, the match itself among them.</param>
/// <remarks>The figures are expected values when the t + c tied candidates come in random order.</remarks>
internal readonly record struct MatchCount(long Above, long Tied, long Matches)
{
    /// <summary>The rank of the first right one: of t wrong ones, each stands before all c with probability 1/(c + 1).</summary>
    public double Rank => Above + 1 + (Tied / (Matches + 1.0));

    /// <summary>Whether a right one is among the first k: 1 less the chance that all tied ones among them are wrong.</summary>
    public double Hit(int k)
    {
        long places = Math.Max(0, k - Above);
        if (Matches == 1)
            return Math.Clamp(places / (Tied + 1.0), 0, 1);
        if (places > Tied)
            return 1;
        double missed = 1;
        for (long i = 0; i < places; i++)
            missed *= (Tied - i) / (double)(Tied + Matches - i);
        return 1 - missed;
    }

    /// <summary>
    /// Σ_j P(j) / (g + j), with P(j) = C(t + c - j, c - 1) / C(t + c, c) the chance that the first right one is the j-th of
    /// the tied.
    /// </summary>
    public double ReciprocalRank()
    {
        double sum = 0, chance = Matches / (double)(Tied + Matches);
        for (long j = 1; j <= Tied + 1; j++)
        {
            sum += chance / (Above + j);
            chance *= (Tied - j + 1) / (double)(Tied + Matches - j);
        }

        return sum;
    }
}
