namespace Contrastive.Evaluation;

/// <summary>Where the best of a query's relevant candidates stands: of which follow rank and hits.</summary>
/// <param name="Above">g: how many score higher, all of them wrong.</param>
/// <param name="Tied">t: how many wrong ones score the same.</param>
/// <param name="Matches">c: how many relevant ones score the same, itself among them.</param>
internal readonly record struct FirstMatch(long Above, long Tied, long Matches)
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
    /// Σ_j P(j) / (g + j), with P(j) = C(t + c - j, c - 1) / C(t + c, c) the chance that the first right one is the j-th of the tied.
    /// </summary>
    public double ReciprocalRank(double[] harmonic)
    {
        if (Tied == 0)
            return 1.0 / (Above + 1);
        // P(j) is 1/(t + 1).
        if (Matches == 1)
            return (harmonic[Above + Tied + 1] - harmonic[Above]) / (Tied + 1);
        double sum = 0, chance = Matches / (double)(Tied + Matches);
        for (long j = 1; j <= Tied + 1 && chance > 0; j++)
        {
            sum += chance / (Above + j);
            chance *= (Tied - j + 1) / (double)(Tied + Matches - j);
        }

        return sum;
    }
}
