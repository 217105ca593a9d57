using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Contrastive.Evaluation;

/// <summary>Where one relevant candidate of a query stands among all candidates.</summary>
/// <param name="Above">g: how many score higher.</param>
/// <param name="Tied">t: how many others score the same.</param>
/// <param name="RelevantAbove">r: how many relevant ones score higher.</param>
/// <param name="RelevantTied">s: how many other relevant ones score the same.</param>
/// <param name="Grade">How relevant it is; 1 where grades are not told apart.</param>
/// <remarks>All figures are expected values when what ties comes in random order: each of the t + 1 places is as likely.</remarks>
internal readonly record struct Stand(int Above, int Tied, int RelevantAbove, int RelevantTied, double Grade)
{
    /// <summary>The chance to be among the first k.</summary>
    public double Within(long k) => Math.Clamp((k - Above) / (Tied + 1.0), 0, 1);

    /// <summary>
    /// The expected precision at its place, 0 beyond the first <paramref name="most"/> places: at place g + j of the j-th of those that
    /// tie, r + 1 + (j - 1) s/t of g + j are relevant.
    /// </summary>
    public double Precision(long most, double[] harmonic)
    {
        long places = Math.Clamp(most - Above, 0, Tied + 1);
        double share = Tied == 0 ? 0 : RelevantTied / (double)Tied;
        return ((share * places) + ((RelevantAbove + 1 - (share * (Above + 1))) * (harmonic[Above + places] - harmonic[Above]))) / (Tied + 1);
    }

    /// <summary>Its grade over the expected discount of its place, 0 beyond the first <paramref name="most"/>.</summary>
    public double Gain(long most, double[] discounts)
        => Grade * (discounts[Math.Min(most, Above + Tied + 1)] - discounts[Math.Min(most, Above)]) / (Tied + 1);
}

/// <summary>The measures of single queries, from where their relevant candidates stand.</summary>
/// <param name="relevance">What is relevant.</param>
/// <param name="candidates">M.</param>
/// <param name="cutoffs">The k.</param>
internal sealed class QueryRanking(Relevance relevance, long candidates, int[] cutoffs)
{
    // Where features collapse, all queries have the same sum over their ties.
    private readonly ConcurrentDictionary<FirstMatch, double> _reciprocal = new();
    private readonly double[] _harmonic = Sums(candidates + 1, n => 1.0 / n);
    private readonly double[] _discounts = Sums(candidates + 1, n => 1 / Math.Log2(n + 1));
    private readonly FirstMatch[] _first = new FirstMatch[relevance.Rows];
    private readonly double[] _reciprocalRanks = new double[relevance.Rows];
    private readonly double[] _rPrecision = new double[relevance.Rows];
    private readonly double[] _averagePrecision = new double[relevance.Rows];
    private readonly double[] _averagePrecisionAtR = new double[relevance.Rows];
    private readonly double[] _ndcg = new double[relevance.Rows];
    private readonly double[][] _relevantWithin = [.. cutoffs.Select(_ => new double[relevance.Rows])];
    private readonly double[][] _ndcgAt = [.. cutoffs.Select(_ => new double[relevance.Rows])];

    /// <summary>Takes in one query that has relevant candidates. Queries can come from several threads.</summary>
    /// <param name="row">The query.</param>
    /// <param name="stands">Its relevant candidates, the one with the highest score first.</param>
    public void Add(int row, ReadOnlySpan<Stand> stands)
    {
        int relevant = stands.Length;
        double average = 0, averageAtR = 0, within = 0, gain = 0;
        foreach (var stand in stands)
        {
            average += stand.Precision(candidates, _harmonic);
            averageAtR += stand.Precision(relevant, _harmonic);
            within += stand.Within(relevant);
            gain += stand.Gain(candidates, _discounts);
        }

        var best = stands[0];
        _first[row] = new FirstMatch(best.Above, best.Tied - best.RelevantTied, best.RelevantTied + 1);
        _reciprocalRanks[row] = _first[row].Matches == 1 || _first[row].Tied == 0
            ? _first[row].ReciprocalRank(_harmonic)
            : _reciprocal.GetOrAdd(_first[row], match => match.ReciprocalRank(_harmonic));
        _averagePrecision[row] = average / relevant;
        _averagePrecisionAtR[row] = averageAtR / relevant;
        _rPrecision[row] = within / relevant;
        double[]? grades = relevance.IsGraded ? Descending(stands) : null;
        _ndcg[row] = gain / Ideal(grades, relevant, candidates);
        for (int at = 0; at < cutoffs.Length; at++)
        {
            long k = Math.Min(cutoffs[at], candidates);
            double gainAt = 0, count = 0;
            foreach (var stand in stands)
            {
                count += stand.Within(k);
                gainAt += stand.Gain(k, _discounts);
            }

            _relevantWithin[at][row] = count;
            _ndcgAt[at][row] = gainAt / Ideal(grades, relevant, k);
        }
    }

    /// <summary>The report, without the queries that have nothing relevant.</summary>
    public RankingReport Report()
    {
        int[] rows = [.. Enumerable.Range(0, relevance.Rows).Where(row => relevance.Count(row) > 0)];
        T[] Of<T>(T[] values) => rows.Length == values.Length ? values : [.. rows.Select(row => values[row])];
        var first = Of(_first);
        long[] relevant = [.. rows.Select(row => (long)relevance.Count(row))];
        ByCutoff Each(Func<int, double[]> values) => new(Enumerable.Range(0, cutoffs.Length).ToDictionary(at => cutoffs[at], at => Immutable(Of(values(at)))));
        return new RankingReport(first)
        {
            Rows = [.. rows],
            SkippedRows = [.. Enumerable.Range(0, relevance.Rows).Where(row => relevance.Count(row) == 0)],
            Ranks = [.. first.Select(match => match.Rank)],
            ReciprocalRanks = Immutable(Of(_reciprocalRanks)),
            RPrecisions = Immutable(Of(_rPrecision)),
            AveragePrecisions = Immutable(Of(_averagePrecision)),
            AveragePrecisionsAtR = Immutable(Of(_averagePrecisionAtR)),
            NdcgOfQueries = Immutable(Of(_ndcg)),
            HitsOf = new ByCutoff(cutoffs.ToDictionary(k => k, k => Immutable([.. first.Select(match => match.Hit(k))]))),
            RecallOf = new ByCutoff(Enumerable.Range(0, cutoffs.Length).ToDictionary(
                at => cutoffs[at], at => Immutable([.. Of(_relevantWithin[at]).Zip(relevant, (within, all) => within / all)]))),
            PrecisionOf = new ByCutoff(Enumerable.Range(0, cutoffs.Length).ToDictionary(
                at => cutoffs[at], at => Immutable([.. Of(_relevantWithin[at]).Select(within => within / cutoffs[at])]))),
            NdcgOf = Each(at => _ndcgAt[at]),
        };
    }

    private static ImmutableArray<double> Immutable(double[] values)
        => ImmutableCollectionsMarshal.AsImmutableArray(values);

    private double Ideal(double[]? grades, int relevant, long k)
    {
        if (grades is null)
            return _discounts[Math.Min(k, relevant)];
        double sum = 0;
        for (int i = 0; i < Math.Min(k, grades.Length); i++)
            sum += grades[i] * (_discounts[i + 1] - _discounts[i]);
        return sum;
    }

    private static double[] Descending(ReadOnlySpan<Stand> stands)
    {
        double[] grades = new double[stands.Length];
        for (int i = 0; i < grades.Length; i++)
            grades[i] = stands[i].Grade;
        Array.Sort(grades, (a, b) => b.CompareTo(a));
        return grades;
    }

    private static double[] Sums(long count, Func<int, double> term)
    {
        double[] sums = new double[count + 1];
        for (int n = 1; n < sums.Length; n++)
            sums[n] = sums[n - 1] + term(n);
        return sums;
    }
}
