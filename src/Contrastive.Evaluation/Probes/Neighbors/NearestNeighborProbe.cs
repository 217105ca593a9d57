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
    /// <param name="similarity">What makes a row near.</param>
    /// <param name="vote">What each neighbour's vote counts.</param>
    /// <param name="temperature">τ of the weighted vote. Range: τ > 0. A majority does not depend on it.</param>
    /// <param name="chunkSize">
    /// Test rows at once, at least 1; the memory needed beyond the features is about 64 · chunkSize · (N + classes) bytes.
    /// Left out: as many as fit into 128 MiB. The result does not depend on it.
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
        NeighborSimilarity similarity = NeighborSimilarity.Cosine,
        NeighborVote vote = NeighborVote.Weighted,
        double temperature = 0.07,
        long? chunkSize = null)
    {
        Checks.LabelledSets(trainFeatures, trainLabels, 1, testFeatures, testLabels);
        Guard.AtLeast(k, 1);
        Guard.Defined(similarity);
        Guard.Defined(vote);
        Guard.Positive(temperature);
        Checks.Chunk(chunkSize);
        Checks.Finite(trainFeatures);
        Checks.Finite(testFeatures);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var classes = ClassLabels.Of(trainLabels);
        long[] labels = ClassLabels.Read(testLabels);
        long neighbors = Math.Min(k, trainFeatures.shape[0]);
        var rows = new NeighborScores(trainFeatures, testFeatures, similarity);
        var election = new NeighborElection(
            tensor(classes.OfRow).to(trainFeatures.device),
            classes.Count,
            neighbors,
            vote == NeighborVote.Weighted ? rows.Factor / temperature : 0);

        var expected = tensor(classes.Number(labels)).to(trainFeatures.device);
        double[] hits = new double[labels.Length];
        long size = Chunks.Size(chunkSize, trainFeatures.shape[0] + classes.Count, elements: 1 << 21);
        foreach (var (start, length) in Runs.Of(hits.Length, size))
        {
            using var tile = NewDisposeScope();
            election.Hits(rows.Of(start, length, neighbors), expected.narrow(0, start, length)).CopyTo(hits, start);
        }

        var (accuracy, balanced) = ClassAccuracy.Of(hits, labels);
        return new NearestNeighborReport(accuracy, balanced, neighbors, [.. hits]);
    }
}
