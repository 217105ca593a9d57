using System.Collections.Immutable;
using System.Globalization;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Classifies each test row by a vote of the k training rows most similar to it, nothing being fitted. The votes are
/// weighted with exp(s/τ) by default (Z. Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance
/// Discrimination", CVPR 2018, §3.4, where k = 200 and τ = 0.07).
/// </summary>
/// <remarks>
/// Ties count as the expected value under a random order, so that no result depends on the order of rows or on which
/// integers the labels are: where t training rows are equally similar and only m of them can be among the k, every choice of m is as
/// likely; where the label's class shares the largest vote with others, c classes in all, the row is 1/c correct. So collapsed
/// features score at chance. "Equal" means up to what rounding of the features can do, 2 ε ‖x‖ ‖y‖ (2 ε of a squared distance):
/// similarities that the features' dtype leaves in doubt are worked out in float64.
/// Sharing out seats takes longer the more classes tie for them: for k = 20 some hundredths of a second where 1000 do, for k = 200 some
/// tenths, once for queries alike (of one class, where all features are one).
/// </remarks>
public static class NearestNeighborProbe
{
    /// <summary>Similarities at once.</summary>
    private const long TileElements = 1 << 24;

    /// <summary>The accuracy on the test rows.</summary>
    /// <param name="trainFeatures">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="trainLabels">Integer labels of shape <c>(N)</c>; any integers.</param>
    /// <param name="testFeatures">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="testLabels">
    /// Integer labels of shape <c>(M)</c>. Rows of a class that has no training row count as wrong.
    /// </param>
    /// <param name="k">How many neighbours vote, at least 1; all N where N is less.</param>
    /// <param name="similarity">What makes a row near; by default the cosine.</param>
    /// <param name="vote">What each neighbour's vote counts.</param>
    /// <param name="temperature">τ of the weighted vote. Range: τ > 0. A majority does not depend on it.</param>
    /// <param name="chunkSize">
    /// Test rows at once, at least 1; the memory needed beyond the features is about 8 · chunkSize · N bytes in float32, and for rows that
    /// tie with many 40 · N. Left out: as many as have 4 million similarities. The result does not depend on it.
    /// </param>
    /// <returns>The accuracy.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, a matrix has no rows, or the features hold NaN or infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="k"/> or <paramref name="chunkSize"/> is below 1, <paramref name="temperature"/> is not positive and
    /// finite, or an enumeration has a value it does not define.
    /// </exception>
    /// <example>
    /// <code>
    /// var report = NearestNeighborProbe.Evaluate(trainFeatures, trainLabels, testFeatures, testLabels, k: 20);
    /// Console.WriteLine($"{report.K}-NN {report.Accuracy:P1}");
    /// </code>
    /// </example>
    public static NearestNeighborReport Evaluate(
        Tensor trainFeatures,
        Tensor trainLabels,
        Tensor testFeatures,
        Tensor testLabels,
        int k = 20,
        NeighborSimilarity similarity = default,
        NeighborVote vote = NeighborVote.Weighted,
        double temperature = 0.07,
        long? chunkSize = null)
        => Evaluate(trainFeatures, trainLabels, testFeatures, testLabels, [k], similarity, vote, temperature, chunkSize)[0];

    /// <summary>The accuracy on the test rows for several numbers of neighbours, which are looked for once.</summary>
    /// <param name="trainFeatures">
    /// Features of shape <c>(N, D)</c>, N ≥ 1. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="trainLabels">Integer labels of shape <c>(N)</c>, on the features' device; any integers.</param>
    /// <param name="testFeatures">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="testLabels">
    /// Integer labels of shape <c>(M)</c>, on the features' device. Rows of a class that has no training row count as wrong.
    /// </param>
    /// <param name="k">How many neighbours vote, each at least 1; all N where N is less.</param>
    /// <param name="similarity">What makes a row near; by default the cosine.</param>
    /// <param name="vote">What each neighbour's vote counts.</param>
    /// <param name="temperature">τ of the weighted vote. Range: τ > 0. A majority does not depend on it.</param>
    /// <param name="chunkSize">Test rows at once, at least 1. The result does not depend on it.</param>
    /// <returns>A report for each k, in the order given.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, a matrix has no rows, the features hold NaN or infinity, or there is no k.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A k or <paramref name="chunkSize"/> is below 1, <paramref name="temperature"/> is not positive and
    /// finite, or an enumeration has a value it does not define.
    /// </exception>
    public static ImmutableArray<NearestNeighborReport> Evaluate(
        Tensor trainFeatures,
        Tensor trainLabels,
        Tensor testFeatures,
        Tensor testLabels,
        IReadOnlyList<int> k,
        NeighborSimilarity similarity = default,
        NeighborVote vote = NeighborVote.Weighted,
        double temperature = 0.07,
        long? chunkSize = null)
    {
        Checks.LabelledSets(trainFeatures, trainLabels, 1, testFeatures, testLabels);
        ArgumentNullException.ThrowIfNull(k);
        Check(k, similarity, vote, temperature, chunkSize);
        Checks.Finite(trainFeatures);
        Checks.Finite(testFeatures);
        return Elect(trainFeatures, trainLabels, testFeatures, ClassLabels.Read(testLabels), k, similarity, vote, temperature, chunkSize, leaveOneOut: false);
    }

    /// <summary>The accuracy of classifying each row by its neighbours among all others of the set.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 2. float16 and bfloat16 are computed in float32; any device, any strides.
    /// </param>
    /// <param name="labels">
    /// Integer labels of shape <c>(N)</c>, on the features' device; any integers. A row that alone has its label counts as wrong.
    /// </param>
    /// <param name="k">How many neighbours vote, each at least 1, by default 20; all N - 1 where that is less.</param>
    /// <param name="similarity">What makes a row near; by default the cosine.</param>
    /// <param name="vote">What each neighbour's vote counts.</param>
    /// <param name="temperature">τ of the weighted vote. Range: τ > 0. A majority does not depend on it.</param>
    /// <param name="chunkSize">Rows at once, at least 1. The result does not depend on it.</param>
    /// <returns>A report for each k, in the order given.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, there are fewer than 2 rows, the features hold NaN or infinity, or there is no k.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A k or <paramref name="chunkSize"/> is below 1, <paramref name="temperature"/> is not positive and
    /// finite, or an enumeration has a value it does not define.
    /// </exception>
    public static ImmutableArray<NearestNeighborReport> LeaveOneOut(
        Tensor features,
        Tensor labels,
        IReadOnlyList<int>? k = null,
        NeighborSimilarity similarity = default,
        NeighborVote vote = NeighborVote.Weighted,
        double temperature = 0.07,
        long? chunkSize = null)
    {
        Guard.Features(features);
        Checks.LabelledRows(features, labels, 2);
        k ??= [20];
        Check(k, similarity, vote, temperature, chunkSize);
        Checks.Finite(features);
        return Elect(features, labels, features, ClassLabels.Read(labels), k, similarity, vote, temperature, chunkSize, leaveOneOut: true);
    }

    private static void Check(IReadOnlyList<int> k, NeighborSimilarity similarity, NeighborVote vote, double temperature, long? chunkSize)
    {
        Checks.Cutoffs(k);
        similarity.Check();
        Guard.Defined(vote);
        Guard.Positive(temperature);
        Checks.Chunk(chunkSize);
    }

    private static ImmutableArray<NearestNeighborReport> Elect(
        Tensor train,
        Tensor trainLabels,
        Tensor test,
        long[] labels,
        IReadOnlyList<int> k,
        NeighborSimilarity similarity,
        NeighborVote vote,
        double temperature,
        long? chunkSize,
        bool leaveOneOut)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var classes = ClassLabels.Of(trainLabels);
        long[] expected = classes.Number(labels);
        long most = train.shape[0] - (leaveOneOut ? 1 : 0);
        int[] counts = [.. k.Select(count => (int)Math.Min(count, most))];
        var scores = new RowScores(test, train, similarity);
        var nearest = new NearestRows(scores, leaveOneOut);
        var election = new NeighborElection(classes.OfRow, vote == NeighborVote.Weighted ? scores.Factor / temperature : 0);
        double[][] hits = [.. counts.Select(_ => new double[labels.Length])];
        long size = Math.Min(labels.Length, Chunks.Size(chunkSize, train.shape[0], TileElements));
        var tile = scores.MakeTile(size, train.shape[0]);
        foreach (var rows in Runs.Of(labels.Length, size))
        {
            var near = nearest.Of(rows, counts.Max(), tile);
            Chunks.Each(rows.Count, row =>
            {
                for (int i = 0; i < counts.Length; i++)
                    hits[i][rows.First + row] = election.Hit(near[row], counts[i], expected[rows.First + row]);
            });
        }

        return [.. counts.Select((count, i) =>
        {
            var (accuracy, balanced) = ClassAccuracy.Of(hits[i], labels);
            return new NearestNeighborReport(accuracy, balanced, count, [.. hits[i]]);
        })];
    }
}

/// <summary>How well test rows are classified by their neighbours. Made by <see cref="NearestNeighborProbe"/>.</summary>
public sealed class NearestNeighborReport
{
    internal NearestNeighborReport(double accuracy, double balancedAccuracy, long k, ImmutableArray<double> hits)
    {
        Accuracy = accuracy;
        BalancedAccuracy = balancedAccuracy;
        K = k;
        Hits = hits;
    }

    /// <summary>The share of test rows classified correctly, in [0, 1]; an expected share where votes tie.</summary>
    public double Accuracy { get; }

    /// <summary>The mean, over the classes among the test rows, of the share of their rows classified correctly.</summary>
    public double BalancedAccuracy { get; }

    /// <summary>How many neighbours voted: what was asked for, or all training rows where those are fewer.</summary>
    public long K { get; }

    /// <summary>
    /// Whether each test row was classified correctly: 1 or 0, or the chance of it where votes tie; in the order of the rows.
    /// </summary>
    public ImmutableArray<double> Hits { get; }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{K} neighbours: accuracy {Accuracy:F4}, balanced {BalancedAccuracy:F4}");
}

/// <summary>What each neighbour's vote for its class counts.</summary>
public enum NeighborVote
{
    /// <summary>exp(s/τ), with s the similarity and τ the temperature.</summary>
    Weighted,

    /// <summary>1: the majority wins.</summary>
    Majority,
}
