using System.Collections.Immutable;
using System.Globalization;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Whether some rows are neighbours of very many others, and many of none, as happens in many dimensions (M. Radovanović, A. Nanopoulos and
/// M. Ivanović, "Hubs in Space", JMLR 11, 2010, §2). N_k of a row is how many queries have it among their k nearest; hubness is the
/// skewness of N_k:
/// 0 where rows are found alike; large where a few are hubs.
/// </summary>
/// <remarks>
/// <para>
/// $$\operatorname{mean} \frac{(N_k - k n / N)^3}{\sigma^3}$$
/// The mean is over the N rows, n is the number of queries, σ the standard deviation of N_k.</para>
/// <para>Rows that tie for the last seats among the k share them: N_k is an expected number.</para>
/// </remarks>
public static class Hubness
{
    /// <summary>Similarities at once.</summary>
    private const long TileElements = 1 << 24;

    /// <summary>Of candidates that queries of another set look for.</summary>
    /// <param name="queries">
    /// Features of shape <c>(n, D)</c>, n ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="candidates">Features of shape <c>(N, D)</c>, N ≥ 1.</param>
    /// <param name="k">How many neighbours a query has, at least 1; all where there are fewer.</param>
    /// <param name="similarity">What makes a row near; by default the cosine.</param>
    /// <returns>The figures.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point matrices of the same width, dtype and device, have no rows, or hold NaN or infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="k"/> is below 1, or the similarity is not defined.</exception>
    public static HubnessReport Evaluate(
        Tensor queries, Tensor candidates, int k = 10, NeighborSimilarity similarity = default)
    {
        Guard.Features(queries);
        Guard.Features(candidates);
        Guard.Comparable(queries, candidates);
        Checks.Rows(queries, 1);
        Checks.Rows(candidates, 1);
        Guard.AtLeast(k, 1);
        similarity.Check();
        Checks.Finite(queries);
        Checks.Finite(candidates);
        return Count(queries, candidates, (int)Math.Min(k, candidates.shape[0]), similarity, within: false);
    }

    /// <summary>Of one set, where no row is its own neighbour.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 2. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="k">How many neighbours a row has, at least 1; all others where those are fewer.</param>
    /// <param name="similarity">What makes a row near; by default the cosine.</param>
    /// <returns>The figures.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="features"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix, have fewer than 2 rows, or hold NaN or infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="k"/> is below 1, or the similarity is not defined.</exception>
    public static HubnessReport Within(Tensor features, int k = 10, NeighborSimilarity similarity = default)
    {
        Guard.Features(features);
        Checks.Rows(features, 2);
        Guard.AtLeast(k, 1);
        similarity.Check();
        Checks.Finite(features);
        return Count(features, features, (int)Math.Min(k, features.shape[0] - 1), similarity, within: true);
    }

    private static HubnessReport Count(Tensor queries, Tensor candidates, int k, NeighborSimilarity similarity, bool within)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var scores = new RowScores(queries, candidates, similarity);
        var nearest = new NearestRows(scores, within);
        double[] found = new double[candidates.shape[0]];
        long size = Math.Min(scores.Rows, Chunks.Size(null, scores.Columns, TileElements));
        var tile = scores.MakeTile(size, scores.Columns);
        foreach (var rows in Runs.Of(scores.Rows, size))
        {
            foreach (var near in nearest.Of(rows, k, tile))
                near.Share(k, (row, share) => found[row] += share);
        }

        return new HubnessReport(k, [.. found]);
    }
}

/// <summary>How unevenly rows are found. Made by <see cref="Hubness"/>.</summary>
public sealed class HubnessReport
{
    internal HubnessReport(int k, ImmutableArray<double> occurrences)
    {
        (K, Occurrences) = (k, occurrences);
        double mean = occurrences.Average(), squares = 0, cubes = 0;
        foreach (double count in occurrences)
        {
            squares += (count - mean) * (count - mean);
            cubes += (count - mean) * (count - mean) * (count - mean);
        }

        double deviation = Math.Sqrt(squares / occurrences.Length);
        Skewness = deviation <= 1e-12 * mean ? 0 : cubes / occurrences.Length / Math.Pow(deviation, 3);
    }

    /// <summary>How many neighbours each query has.</summary>
    public int K { get; }

    /// <summary>N_k of each candidate; an expected number where rows tie.</summary>
    public ImmutableArray<double> Occurrences { get; }

    /// <summary>The skewness of N_k; 0 where all are the same.</summary>
    public double Skewness { get; }

    /// <summary>The largest N_k.</summary>
    public double Largest => Occurrences.Max();

    /// <summary>The share of candidates that no query finds, in [0, 1).</summary>
    public double NeverFound => Occurrences.Count(count => count == 0) / (double)Occurrences.Length;

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{K} neighbours: skewness {Skewness:F3}, largest {Largest:F1}, never found {NeverFound:F4}");
}
