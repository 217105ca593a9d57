using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Classifies features of one modality by prompts of another, nothing being fitted: the class of a row is the one whose prompts
/// have the largest cosine with it (A. Radford et al., "Learning Transferable Visual Models From Natural Language
/// Supervision", ICML 2021, §3.1). Several prompts of a class form an ensemble in the feature space (§3.1.4):
/// <code>w_c = unit(mean_p unit(e_p)),   score of class c for x = ⟨unit(x), w_c⟩</code>
/// </summary>
/// <remarks>
/// A zero row, and a class whose prompts cancel, score 0 with everything. Dispose of it to free <see cref="Weights"/>.
/// </remarks>
public sealed class ZeroShotClassifier : IDisposable
{
    private const long TileElements = 1 << 22;
    private const long EvaluatedElements = 1 << 21;

    private readonly ScalarType _type;

    /// <summary>One embedding for each class.</summary>
    /// <param name="classEmbeddings">
    /// Features of shape <c>(C, D)</c>, C ≥ 1, of any length. float16 and bfloat16 are computed in float32; any device.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="classEmbeddings"/> is null.</exception>
    /// <exception cref="ArgumentException">They are not a floating-point matrix, have no rows, or hold NaN or infinity.</exception>
    public ZeroShotClassifier(Tensor classEmbeddings)
    {
        Check(classEmbeddings);
        long[] counts = new long[classEmbeddings.shape[0]];
        Array.Fill(counts, 1);
        (_type, Weights) = (classEmbeddings.dtype, Ensemble(classEmbeddings, counts));
    }

    /// <summary>An ensemble of prompts for each class.</summary>
    /// <param name="promptEmbeddings">Features of shape <c>(P, D)</c>: row p is that of <c>prompts.Texts[p]</c>.</param>
    /// <param name="prompts">The prompts.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of as many rows as there are prompts, or hold NaN or infinity.
    /// </exception>
    public ZeroShotClassifier(Tensor promptEmbeddings, PromptSet prompts)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        Guard.Features(promptEmbeddings);
        if (promptEmbeddings.shape[0] != prompts.Texts.Length)
        {
            throw new ArgumentException(
                $"promptEmbeddings have {promptEmbeddings.shape[0]} rows but there are {prompts.Texts.Length} prompts",
                nameof(promptEmbeddings));
        }

        Check(promptEmbeddings);
        long[] counts = [.. prompts.ClassOfText.CountBy(number => number).Select(entry => (long)entry.Value)];
        (_type, Weights) = (promptEmbeddings.dtype, Ensemble(promptEmbeddings, counts));
    }

    /// <summary>An ensemble of prompts for each class, in any order.</summary>
    /// <param name="promptEmbeddings">Features of shape <c>(P, D)</c>.</param>
    /// <param name="classOfPrompt">
    /// The class of each prompt, integers of shape <c>(P)</c>, on any device: every number from 0 to C - 1, each at least once.
    /// </param>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix, have no rows, or hold NaN or infinity; or the classes are not one integer
    /// for each row, one is negative, or one has no prompt.
    /// </exception>
    public ZeroShotClassifier(Tensor promptEmbeddings, Tensor classOfPrompt)
    {
        Guard.Features(promptEmbeddings);
        Guard.Integers(classOfPrompt, promptEmbeddings.shape[0]);
        Check(promptEmbeddings);
        long[] numbers = ClassLabels.Read(classOfPrompt);
        long[] order = [.. Enumerable.Range(0, numbers.Length).OrderBy(prompt => numbers[prompt]).Select(prompt => (long)prompt)];
        var counts = numbers.CountBy(number => number).OrderBy(entry => entry.Key).ToArray();
        for (int number = 0; number < counts.Length; number++)
        {
            if (counts[number].Key != number)
            {
                throw new ArgumentException(
                    $"classOfPrompt must be 0, 1, … without a gap but has {counts[number].Key} where {number} is expected",
                    nameof(classOfPrompt));
            }
        }

        using var scope = NewDisposeScope();
        var ordered = promptEmbeddings.index_select(0, tensor(order).to(promptEmbeddings.device));
        (_type, Weights) = (promptEmbeddings.dtype, Ensemble(ordered, [.. counts.Select(entry => (long)entry.Value)]));
    }

    /// <summary>
    /// The direction w_c of each class, of shape <c>(C, D)</c>: rows of length 1, or zero. It belongs to the classifier.
    /// </summary>
    public Tensor Weights { get; }

    /// <summary>The number of classes C.</summary>
    public long Classes => Weights.shape[0];

    /// <summary>The best classes of each row.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 1, of the prompts' dtype and device; any strides.
    /// </param>
    /// <param name="k">How many classes, at least 1; all C where C is less.</param>
    /// <param name="temperature">
    /// By default scores are cosines. Given: they are probabilities, softmax(cosines/τ) over all C classes. CLIP's τ is 0.01, one
    /// over its logit scale. Range: τ > 0.
    /// </param>
    /// <param name="chunkSize">
    /// Rows at once, at least 1; the memory needed beyond the features is about 24 · chunkSize · C bytes in float32. Left out: as
    /// many as fit into 96 MiB. The result does not depend on it.
    /// </param>
    /// <returns>
    /// The scores, descending, and the numbers of the classes (int64), both of shape <c>(N, min(k, C))</c>, on the features'
    /// device; equal scores stand in the order of the classes. They belong to the caller.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="features"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of the prompts' width, dtype and device, have no rows, or hold NaN or
    /// infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    public (Tensor Scores, Tensor Classes) Predict(
        Tensor features, int k = 5, double? temperature = null, long? chunkSize = null)
    {
        CheckRows(features);
        Guard.AtLeast(k, 1);
        if (temperature is { } given)
            Guard.Positive(given, nameof(temperature));
        Checks.Chunk(chunkSize);
        Checks.Finite(features);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long count = Math.Min(k, Classes);
        var best = empty(features.shape[0], count, dtype: Weights.dtype, device: Weights.device);
        var classes = empty(features.shape[0], count, dtype: ScalarType.Int64, device: Weights.device);
        foreach (var (start, length) in Runs.Of(features.shape[0], Chunks.Size(chunkSize, Classes, TileElements)))
        {
            using var tile = NewDisposeScope();
            var scores = Scores(features.narrow(0, start, length));                             // (length, C)
            // By cosine: of probabilities all but the largest few may be 0.
            var (sorted, order) = scores.sort(dim: 1, descending: true, stable: true);
            if (temperature is { } tau)
                sorted = Probabilities(sorted, tau);
            best.narrow(0, start, length).copy_(sorted.narrow(1, 0, count));
            classes.narrow(0, start, length).copy_(order.narrow(1, 0, count));
        }

        return (best.MoveToOuterDisposeScope(), classes.MoveToOuterDisposeScope());
    }

    /// <summary>How often the best classes of rows are right.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 1, of the prompts' dtype and device; any strides.
    /// </param>
    /// <param name="labels">The class of each row, integers from 0 to C - 1 of shape <c>(N)</c>, on the features' device.</param>
    /// <param name="k">
    /// The k of top-k accuracy, each at least 1, in any order; by default 1, 3 and 5. From k = C on every row is right.
    /// </param>
    /// <param name="chunkSize">
    /// Rows at once, at least 1; the memory needed beyond the features is about 48 · chunkSize · C bytes in float32. Left out: as
    /// many as fit into 96 MiB. The result does not depend on it.
    /// </param>
    /// <remarks>
    /// Ties count as the expected value under a random order of the tied classes, as in <see cref="Retrieval"/>: collapsed
    /// features score at chance.
    /// </remarks>
    /// <returns>The accuracies, and what was taken for what.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of the prompts' width, dtype and device, have no rows, or hold NaN or
    /// infinity; there is not one label for each row, or one is no class; or <paramref name="k"/> is empty.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A k or <paramref name="chunkSize"/> is below 1.</exception>
    /// <example>
    /// <code>
    /// var report = classifier.Evaluate(imageFeatures, labels);
    /// Console.WriteLine($"top-1 {report.Accuracy:P1}, top-5 {report.TopAccuracy[5]:P1}");
    /// </code>
    /// </example>
    public ZeroShotReport Evaluate(Tensor features, Tensor labels, IReadOnlyList<int>? k = null, long? chunkSize = null)
    {
        CheckRows(features);
        Guard.Integers(labels, features.shape[0]);
        Guard.SameDevice(features, labels);
        int[] cutoffs = Cutoffs.Of(k, 1, 3, 5);
        Checks.Chunk(chunkSize);
        long[] expected = ClassLabels.Read(labels);
        int unknown = Array.FindIndex(expected, label => label < 0 || label >= Classes);
        if (unknown >= 0)
        {
            throw new ArgumentException(
                $"labels must be from 0 to {Classes - 1} but has {expected[unknown]} at {unknown}", nameof(labels));
        }

        Checks.Finite(features);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var prompts = new ScoredRows(Weights, normalize: true);
        double tie = FeatureRows.TieTolerance(Weights);
        var counts = new List<MatchCount>(expected.Length);
        var confusion = new Confusion(expected);
        foreach (var (start, length) in Runs.Of(expected.Length, Chunks.Size(chunkSize, Classes, EvaluatedElements)))
        {
            using var tile = NewDisposeScope();
            var classOfRow = labels.narrow(0, start, length).to_type(ScalarType.Int64).unsqueeze(1);
            var scores = ExactInDoubt(new ScoredRows(features.narrow(0, start, length), normalize: true), prompts, classOfRow);
            classOfRow = classOfRow.to(scores.device);
            var own = scores.gather(1, classOfRow);                                              // (length, 1)
            var best = scores.ge(scores.amax([1], keepdim: true).Plus(-tie));
            long[] above = Count(scores.gt(own.Plus(tie))), atLeast = Count(scores.ge(own.Plus(-tie))), winners = Count(best);
            bool[] isBest = best.gather(1, classOfRow).cpu().data<bool>().ToArray();
            // Ties of near ties are no ties: where the row's class is among the best, those decide, as in the confusion matrix.
            counts.AddRange(isBest.Select((wins, row) => wins
                ? new MatchCount(0, winners[row] - 1, 1)
                : new MatchCount(Math.Max(1, above[row]), Math.Max(0, atLeast[row] - Math.Max(1, above[row]) - 1), 1)));
            confusion.Add(start, best);
        }

        return new ZeroShotReport(new MatchCounts(counts), expected, Classes, confusion, cutoffs);
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();

    private static void Check(
        Tensor promptEmbeddings, [CallerArgumentExpression(nameof(promptEmbeddings))] string name = "")
    {
        Guard.Features(promptEmbeddings, name);
        Checks.Rows(promptEmbeddings, 1, name);
        Checks.Finite(promptEmbeddings, name);
    }

    private static Tensor Ensemble(Tensor prompts, long[] counts)
    {
        using var noGrad = no_grad();
        return PromptEnsemble.Weights(prompts, counts).DetachFromDisposeScope();
    }

    private static Tensor Probabilities(Tensor cosines, double temperature)
    {
        // Infinity times a difference of 0 would be NaN; this much is as good, and a float32.
        double sharpness = Math.Min(1 / temperature, 1e30);
        return (cosines - cosines.amax([1], keepdim: true)).Times(sharpness).softmax(1);
    }

    private static long[] Count(Tensor mask) => mask.sum(dim: 1).cpu().data<long>().ToArray();

    private void CheckRows(Tensor features)
    {
        Guard.Features(features);
        if (features.shape[1] != Weights.shape[1])
        {
            throw new ArgumentException(
                $"features have {features.shape[1]} features but the prompts have {Weights.shape[1]}", nameof(features));
        }

        if (features.dtype != _type)
            throw new ArgumentException($"features are {features.dtype} but the prompts are {_type}", nameof(features));
        Guard.SameDevice(Weights, features);
        Checks.Rows(features, 1);
    }

    /// <summary>
    /// The cosines of some rows and all classes, (length, C) float64: worked out in it where the features' dtype leaves in doubt how
    /// a class stands to the row's own one or to the best.
    /// </summary>
    private static Tensor ExactInDoubt(ScoredRows rows, ScoredRows prompts, Tensor classOfRow)
    {
        using var scope = NewDisposeScope();
        var scores = rows.Rows.matmul(prompts.Rows.t());
        if (rows.AreExact)
            return scores.MoveToOuterDisposeScope();
        double doubt = (2 * FeatureRows.Rounding(rows.Rows)) + FeatureRows.TieTolerance(prompts.Rows);
        using var limit = doubt.ToScalar();
        var pairs = (scores - scores.gather(1, classOfRow)).abs_().le(limit)
            .logical_or_(scores.ge(scores.amax([1], keepdim: true).Plus(-doubt)))
            .nonzero();                                                                          // (n, 2)
        var (i, j) = (pairs.select(1, 0).contiguous(), pairs.select(1, 1).contiguous());
        var exact = FeatureRows.Exact(scores);
        exact.index_put_(
            ScoredRows.InTile(rows, (0, rows.Count), prompts, (0, prompts.Count), i, j),
            [TensorIndex.Tensor(i.to(exact.device)), TensorIndex.Tensor(j.to(exact.device))]);
        return exact.MoveToOuterDisposeScope();
    }

    private Tensor Scores(Tensor features) => FeatureRows.Prepare(features, normalize: true).matmul(Weights.t());
}
