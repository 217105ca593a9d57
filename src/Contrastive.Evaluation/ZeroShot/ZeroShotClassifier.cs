using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Classifies features of one modality by prompts of another, nothing being fitted: the class of a row is the one whose prompts
/// have the largest cosine with it (A. Radford et al., "Learning Transferable Visual Models From Natural Language
/// Supervision", ICML 2021, §3.1). Several prompts of a class form an ensemble in the feature space (§3.1.4).
/// </summary>
/// <remarks>
/// <para>
/// $$w_c = \mathrm{unit}\!\left( \operatorname*{mean}_p \, \mathrm{unit}(e_p) \right), \qquad \mathrm{score}_c(x) = \langle \mathrm{unit}(x), w_c \rangle$$
/// </para>
/// <para>A zero row, and a class whose prompts cancel, score 0 with everything. Dispose of it to free <see cref="Weights"/>.</para>
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
        int[] cutoffs = Checks.Cutoffs(k, 1, 3, 5);
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
        var first = new FirstMatch[expected.Length];
        int[][] winners = new int[expected.Length][];
        foreach (var rows in Runs.Of(expected.Length, Chunks.Size(chunkSize, Classes, EvaluatedElements)))
        {
            using var tile = NewDisposeScope();
            var scores = new RowScores(features.narrow(0, rows.First, rows.Count), Weights, SimilarityMeasure.Cosine);
            double[] values = ScoredRows.Doubles(scores.Tile((0, rows.Count), (0, Classes), scores.MakeTile(rows.Count, Classes)));
            Chunks.Each(rows.Count, row =>
            {
                int width = (int)Classes;
                (first[rows.First + row], winners[rows.First + row]) = Place(scores, row, values.AsSpan(row * width, width), (int)expected[rows.First + row]);
            });
        }

        return new ZeroShotReport(first, winners, expected, Classes, cutoffs);
    }

    /// <summary>The scores of all classes.</summary>
    /// <param name="features">
    /// Features of shape <c>(N, D)</c>, N ≥ 1, of the prompts' dtype and device; any strides.
    /// </param>
    /// <param name="temperature">
    /// By default scores are cosines. Given: they are probabilities, softmax(cosines/τ) over all C classes. CLIP's τ is 0.01, one
    /// over its logit scale. Range: τ > 0.
    /// </param>
    /// <returns>
    /// Scores of shape <c>(N, C)</c>, in the order of the classes, on the features' device. They belong to the caller.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="features"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of the prompts' width, dtype and device, have no rows, or hold NaN or
    /// infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="temperature"/> is not positive and finite.</exception>
    public Tensor Score(Tensor features, double? temperature = null)
    {
        CheckRows(features);
        if (temperature is { } given)
            Guard.Positive(given, nameof(temperature));
        Checks.Finite(features);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var scores = Scores(features);
        return (temperature is { } tau ? Probabilities(scores, tau) : scores).MoveToOuterDisposeScope();
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
        return Weigh(prompts, counts).DetachFromDisposeScope();
    }

    /// <summary>w_c = unit(mean_p unit(e_p)), (C, D), of prompts (P, D) class by class; a zero row where those of a class cancel, up to rounding.</summary>
    private static Tensor Weigh(Tensor prompts, long[] counts)
    {
        using var scope = NewDisposeScope();
        if (counts.All(count => count == 1))
            return ScoredRows.Unit(prompts).MoveToOuterDisposeScope();

        // In float64, so that what is left of prompts that cancel is not the rounding of their lengths.
        var type = UnitRows.ComputeType(prompts.dtype);
        var weights = empty(counts.Length, prompts.shape[1], dtype: type, device: prompts.device);
        using var rounding = RowScores.TieTolerance(weights.shape[1], type).ToScalar();
        long start = 0;
        for (int number = 0; number < counts.Length; number++)
        {
            using var one = NewDisposeScope();
            var unit = ScoredRows.Unit(ScoredRows.Exact(prompts.narrow(0, start, counts[number])));
            var mean = unit.mean([0], keepdim: true);
            var cancelled = mean.norm(1, keepdim: true, 2).le(rounding);
            var weight = ScoredRows.Unit(mean.masked_fill(cancelled, Scalars.Zero));
            weights.narrow(0, number, 1).copy_(weight);
            start += counts[number];
        }

        return weights.MoveToOuterDisposeScope();
    }

    private static Tensor Probabilities(Tensor cosines, double temperature)
    {
        // Infinity times a difference of 0 would be NaN; this much is as good, and a float32.
        double sharpness = Math.Min(1 / temperature, 1e30);
        return (cosines - cosines.amax([1], keepdim: true)).Times(sharpness).softmax(1);
    }

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

    /// <summary>Where a row's class stands, and which classes are best: by exact scores where the features' dtype leaves it in doubt.</summary>
    private static (FirstMatch Place, int[] Best) Place(RowScores scores, int row, ReadOnlySpan<double> values, int label)
    {
        double most = double.NegativeInfinity;
        foreach (double value in values)
            most = Math.Max(most, value);
        double tie = 2 * scores.Slack(row, 0, 0), doubt = (2 * scores.Doubt(row, 0)) + tie;
        List<int> inDoubt = [];
        int surelyAbove = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (i == label || Math.Abs(values[i] - values[label]) <= doubt || values[i] >= most - doubt)
                inDoubt.Add(i);
            else if (values[i] > values[label])
                surelyAbove++;
        }

        double[] exact = new double[inDoubt.Count];
        scores.Exact(row, inDoubt.ToArray(), exact);
        double own = exact[inDoubt.IndexOf(label)], best = exact.Max();
        int[] winners = [.. inDoubt.Where((_, i) => exact[i] >= best - tie)];
        // Ties of near ties are no ties: where the row's class is among the best, those decide, as in the confusion matrix.
        if (winners.Contains(label))
            return (new FirstMatch(0, winners.Length - 1, 1), winners);
        int above = Math.Max(1, surelyAbove + exact.Count(score => score > own + tie));
        int atLeast = surelyAbove + exact.Count(score => score >= own - tie);
        return (new FirstMatch(above, Math.Max(0, atLeast - above - 1), 1), winners);
    }

    private Tensor Scores(Tensor features) => ScoredRows.Unit(features).matmul(Weights.t());
}
