using System.Collections.Immutable;

namespace Contrastive.Evaluation;

/// <summary>Where the best match of each query stands, and the scores that follow.</summary>
internal sealed class MatchCounts(IEnumerable<MatchCount> queries)
{
    private readonly MatchCount[] _queries = [.. queries];

    public int Count => _queries.Length;

    public ImmutableArray<double> Ranks => [.. _queries.Select(query => query.Rank)];

    /// <summary>How much of a hit each query is among its first k candidates, from 0 to 1.</summary>
    public ImmutableArray<double> Hits(int k) => [.. _queries.Select(query => query.Hit(k))];

    public double HitRate(int k) => _queries.Average(query => query.Hit(k));

    /// <summary>1/rank of each query.</summary>
    public ImmutableArray<double> ReciprocalRanks()
    {
        // Each is a sum over its ties: N runs of N ranks would cost N². With a single match P(j) is 1/(t + 1), and the sum a
        // difference of harmonic numbers; others are kept, since where features collapse all queries have the same.
        double[] harmonic = Harmonic(
            _queries.Where(query => query.Matches == 1 && query.Tied > 0).Select(query => query.Above + query.Tied + 1));
        var known = new Dictionary<MatchCount, double>();
        double Of(MatchCount query)
        {
            if (query.Tied == 0)
                return 1.0 / (query.Above + 1);
            if (query.Matches == 1)
                return (harmonic[query.Above + query.Tied + 1] - harmonic[query.Above]) / (query.Tied + 1);
            if (!known.TryGetValue(query, out double value))
                known[query] = value = query.ReciprocalRank();
            return value;
        }

        return [.. _queries.Select(Of)];
    }

    private static double[] Harmonic(IEnumerable<long> upTo)
    {
        double[] harmonic = new double[upTo.DefaultIfEmpty(0).Max() + 1];
        for (int n = 1; n < harmonic.Length; n++)
            harmonic[n] = harmonic[n - 1] + (1.0 / n);
        return harmonic;
    }
}
