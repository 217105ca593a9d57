using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How well the classes can be told apart by a linear function of frozen features (G. Alain and Y. Bengio, "Understanding
/// intermediate layers using linear classifier probes", 2016). The classifier is multinomial logistic regression,
/// with the biases not penalised. λ is per sample, so its meaning does not depend on n: scikit-learn's C is 1/(n λ).
/// </summary>
/// <remarks>
/// <para>
/// $$\min_{W, b} \; \frac{1}{n} \sum_i -\log \mathrm{softmax}(W x_i + b)_{y_i} + \frac{\lambda}{2} \lVert W \rVert^2$$
/// </para>
/// <para>Fitted in float64 by L-BFGS, on the device of the features (on the CPU where that does not know float64). λ is the one of <see cref="LinearProbeOptions.Strengths"/> with the highest
/// validation accuracy; of several, the one with the lowest validation cross-entropy. While it is chosen, fits see nothing
/// of the validation rows, not even for standardising, and end at ten times the tolerance; then the classifier is fitted to
/// all training rows. Ties count as the expected value: where the label's class shares the largest logit with others, up to
/// the rounding of the fit, c classes in all, the row is 1/c correct. So features that tell nothing score at chance.
/// Memory: one float64 copy of the training features.</para>
/// </remarks>
public static class LinearProbe
{
    private const int FewShotFolds = 5;
    private const double ValidationTolerance = 10;

    // Shares of ties, added up, are equal up to their rounding.
    private const int Decimals = 12;

    /// <summary>Fits to rows, with λ chosen on a part of them: once, to be asked often.</summary>
    /// <param name="features">Features of shape <c>(N, D)</c>; any floating-point dtype, device and strides.</param>
    /// <param name="labels">Integer labels of shape <c>(N)</c>, of at least 2 classes, on the features' device; any integers.</param>
    /// <param name="options">How to fit; null for the defaults.</param>
    /// <param name="generator">The source of randomness of the validation split; by default PyTorch's.</param>
    /// <remarks>
    /// <see cref="LinearProbeOptions.ValidationShare"/> of each class is held out; classes of a single row are only fitted to.
    /// Where every class has a single row, λ is <see cref="LinearProbeOptions.DefaultStrength"/>.
    /// </remarks>
    /// <returns>The classifier. It belongs to the caller, and is to be disposed of.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, there are no 2 rows, the features hold NaN or infinity, or all are of one class.
    /// </exception>
    /// <example>
    /// <code>
    /// using var classifier = LinearProbe.Fit(trainFeatures, trainLabels);
    /// using var probabilities = classifier.Probabilities(testFeatures);
    /// Console.WriteLine(classifier.Evaluate(testFeatures, testLabels));
    /// </code>
    /// </example>
    public static LinearClassifier Fit(Tensor features, Tensor labels, LinearProbeOptions? options = null, Generator? generator = null)
    {
        Guard.Features(features);
        Checks.LabelledRows(features, labels, 2);
        Checks.Finite(features);
        var classes = Classes(features, labels);
        return Fit(features, classes, options ?? new LinearProbeOptions(), generator);
    }

    /// <summary>Fits to the training rows, with λ chosen on a part of them, and classifies the test rows.</summary>
    /// <param name="trainFeatures">Features of shape <c>(N, D)</c>; any floating-point dtype, device and strides.</param>
    /// <param name="trainLabels">Integer labels of shape <c>(N)</c>, of at least 2 classes; any integers.</param>
    /// <param name="testFeatures">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="testLabels">
    /// Integer labels of shape <c>(M)</c>. Rows of a class that has no training row count as wrong.
    /// </param>
    /// <param name="options">How to fit; null for the defaults.</param>
    /// <param name="generator">
    /// The source of randomness of the validation split; by default PyTorch's.
    /// </param>
    /// <remarks>
    /// <see cref="LinearProbeOptions.ValidationShare"/> of each class is held out; classes of a single row are only fitted to.
    /// Where every class has a single row, λ is <see cref="LinearProbeOptions.DefaultStrength"/>.
    /// </remarks>
    /// <returns>The accuracy, and how the fit went.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, a matrix has no rows, the features hold NaN or infinity, or the
    /// training rows are all of one class.
    /// </exception>
    /// <example>
    /// <code>
    /// using var generator = new torch.Generator(1);
    /// var report = LinearProbe.Evaluate(trainFeatures, trainLabels, testFeatures, testLabels, generator: generator);
    /// Console.WriteLine($"{report.Accuracy:P1} with strength {report.Strength}");
    /// </code>
    /// </example>
    public static LinearProbeReport Evaluate(
        Tensor trainFeatures,
        Tensor trainLabels,
        Tensor testFeatures,
        Tensor testLabels,
        LinearProbeOptions? options = null,
        Generator? generator = null)
    {
        var classes = Check(trainFeatures, trainLabels, testFeatures, testLabels);
        using var classifier = Fit(trainFeatures, classes, options ?? new LinearProbeOptions(), generator);
        return classifier.Report(testFeatures, ClassLabels.Read(testLabels));
    }

    /// <summary>The same with only a few labelled rows of each class, drawn anew several times.</summary>
    /// <param name="trainFeatures">
    /// Features of shape <c>(N, D)</c> to draw from; any floating-point dtype, device and strides.
    /// </param>
    /// <param name="trainLabels">Integer labels of shape <c>(N)</c>, of at least 2 classes; any integers.</param>
    /// <param name="testFeatures">Features of shape <c>(M, D)</c>, M ≥ 1.</param>
    /// <param name="testLabels">
    /// Integer labels of shape <c>(M)</c>. Rows of a class that has no training row count as wrong.
    /// </param>
    /// <param name="shots">How many rows of each class to draw, at least 1 and at most the rows of the smallest class.</param>
    /// <param name="draws">How often to draw, at least 1.</param>
    /// <param name="options">How to fit; null for the defaults.</param>
    /// <param name="generator">The source of randomness; by default PyTorch's.</param>
    /// <remarks>
    /// λ is chosen within each draw by cross-validation over min(shots, 5) folds that each hold out as many rows of every
    /// class: up to 5 shots, one row of each class is left out at a time. With one shot nothing can be held out, and λ is
    /// <see cref="LinearProbeOptions.DefaultStrength"/>.
    /// </remarks>
    /// <returns>The accuracy of each draw, their mean and spread.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// Shapes, dtypes or devices do not fit together, a matrix has no rows, the features hold NaN or infinity, the training
    /// rows are all of one class, or a class has fewer than <paramref name="shots"/> rows.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="shots"/> or <paramref name="draws"/> is below 1.
    /// </exception>
    public static FewShotReport FewShot(
        Tensor trainFeatures,
        Tensor trainLabels,
        Tensor testFeatures,
        Tensor testLabels,
        int shots,
        int draws = 5,
        LinearProbeOptions? options = null,
        Generator? generator = null)
    {
        Guard.AtLeast(shots, 1);
        Guard.AtLeast(draws, 1);
        var pool = Check(trainFeatures, trainLabels, testFeatures, testLabels);
        for (int number = 0; number < pool.Count; number++)
        {
            if (pool.RowsOfClass[number] < shots)
            {
                throw new ArgumentException(
                    $"trainLabels has {pool.RowsOfClass[number]} rows of class {pool.Labels[number]} but {shots} shots were "
                    + "asked for",
                    nameof(trainLabels));
            }
        }

        options ??= new LinearProbeOptions();
        long[] test = ClassLabels.Read(testLabels);
        var reports = ImmutableArray.CreateBuilder<LinearProbeReport>(draws);
        for (int draw = 0; draw < draws; draw++)
        {
            long[] order = StratifiedRows.Shuffled(trainFeatures.shape[0], generator);
            long[] drawn = StratifiedRows.Take(order, pool, shots);
            var splits = StratifiedRows.Folds(drawn, pool, Math.Min(shots, FewShotFolds));
            using var classifier = Probe(trainFeatures, pool, drawn, splits, options);
            reports.Add(classifier.Report(testFeatures, test));
        }

        return new FewShotReport(shots, reports.MoveToImmutable());
    }

    private static ClassLabels Check(Tensor trainFeatures, Tensor trainLabels, Tensor testFeatures, Tensor testLabels)
    {
        Checks.LabelledSets(trainFeatures, trainLabels, 2, testFeatures, testLabels);
        Checks.Finite(trainFeatures);
        Checks.Finite(testFeatures);
        return Classes(trainFeatures, trainLabels);
    }

    private static ClassLabels Classes(Tensor features, Tensor labels, [CallerArgumentExpression(nameof(labels))] string name = "")
    {
        var classes = ClassLabels.Of(labels);
        if (classes.Count < 2)
        {
            throw new ArgumentException(
                $"{name} must have at least 2 classes but all {features.shape[0]} rows are of class {classes.Labels[0]}", name);
        }

        return classes;
    }

    private static LinearClassifier Fit(Tensor features, ClassLabels classes, LinearProbeOptions options, Generator? generator)
    {
        long[] order = StratifiedRows.Shuffled(features.shape[0], generator);
        var splits = StratifiedRows.HoldOut(order, classes, options.ValidationShare);
        long[] all = [.. Enumerable.Range(0, order.Length).Select(row => (long)row)];
        return Probe(features, classes, all, splits, options);
    }

    private static LinearClassifier Probe(
        Tensor features, ClassLabels classes, long[] rows, StratifiedRows.Split[] splits, LinearProbeOptions options)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        double[] strengths = [.. options.Strengths.Distinct().Order()];
        var validation = strengths.Length > 1 ? Validate(features, classes, splits, strengths, options) : [];
        double strength = validation.IsEmpty
            ? strengths.Length == 1 ? strengths[0] : options.DefaultStrength
            : validation.OrderByDescending(score => Math.Round(score.Accuracy, Decimals)).ThenBy(score => score.CrossEntropy).First().Strength;

        using var fit = new LinearFit(features, classes, rows, options);
        var solution = fit.At(strength, fit.Origin, options.Tolerance);
        return new LinearClassifier(
            fit.Model(solution), fit.TakeScaling(), classes, features, strength, validation, solution.Evaluations, solution.Converged);
    }

    /// <summary>Each strength's score over the validation rows of all splits together.</summary>
    private static ImmutableArray<StrengthScore> Validate(
        Tensor features, ClassLabels classes, StratifiedRows.Split[] splits, double[] strengths, LinearProbeOptions options)
    {
        double[] hits = new double[strengths.Length], crossEntropy = new double[strengths.Length];
        long rows = 0;
        foreach (var split in splits)
        {
            using var scope = NewDisposeScope();
            using var fit = new LinearFit(features, classes, split.Fit, options);
            var held = LinearFit.Rows(features, split.Validation);
            long[] labels = [.. split.Validation.Select(row => classes.OfRow[row])];
            double[] start = fit.Origin;
            // From strong to weak, each fit starts where the last one ended, which is near.
            for (int i = strengths.Length - 1; i >= 0; i--)
            {
                var solution = fit.At(strengths[i], start, ValidationTolerance * options.Tolerance);
                start = solution.Point;
                var (right, loss) = fit.Model(solution).Score(held, labels);
                hits[i] += right.Sum();
                crossEntropy[i] += loss * right.Length;
            }

            rows += split.Validation.Length;
        }

        return rows == 0
            ? []
            : [.. strengths.Select((strength, i) => new StrengthScore(strength, hits[i] / rows, crossEntropy[i] / rows))];
    }
}

/// <summary>How a <see cref="LinearProbe"/> is fitted. The defaults serve; each can be changed with an initialiser.</summary>
public sealed record LinearProbeOptions
{
    /// <summary>
    /// Whether each feature is shifted and scaled to mean 0 and standard deviation 1 over the rows fitted to, so that the
    /// result does not depend on the features' scale; a constant feature is skipped. Default: true.
    /// </summary>
    public bool Standardize { get; init; } = true;

    /// <summary>
    /// The L2 strengths λ to choose from, each positive and finite, in any order; see <see cref="LinearProbe"/> for what λ
    /// multiplies. A single one is taken without validation. Default: 10⁻⁴, 10⁻³, …, 10².
    /// </summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One is not positive and finite.</exception>
    public ImmutableArray<double> Strengths
    {
        get;
        init
        {
            if (value.IsDefaultOrEmpty)
                throw new ArgumentException("Strengths has 0 values but must have at least 1", nameof(Strengths));
            foreach (double strength in value)
                Guard.Positive(strength, nameof(Strengths));
            field = value;
        }
    } = [1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2];

    /// <summary>
    /// The strength where nothing can be validated on, because every class has a single row. Range: &gt; 0. Default: 0.01.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive and finite.</exception>
    public double DefaultStrength { get; init => field = Guard.Positive(value, nameof(DefaultStrength)); } = 1e-2;

    /// <summary>
    /// The share of each class's training rows held out to choose the strength, in (0, 1); rounded, and at least one row is
    /// held out and at least one kept. Default: 0.2. Few-shot evaluation cross-validates instead.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not inside (0, 1).</exception>
    public double ValidationShare { get; init => field = Guard.Inside(value, 0, 1, nameof(ValidationShare)); } = 0.2;

    /// <summary>
    /// A fit has converged when no entry of the gradient exceeds this times max(1, objective). Range: &gt; 0. Default: 10⁻⁵.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive and finite.</exception>
    public double Tolerance { get; init => field = Guard.Positive(value, nameof(Tolerance)); } = 1e-5;

    /// <summary>
    /// The most evaluations of objective and gradient that one fit may take, at least 1; a fit that needs more ends
    /// unconverged. Default: 2000.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int MaximumEvaluations
    {
        get;
        init => field = (int)Guard.AtLeast(value, 1, nameof(MaximumEvaluations));
    } = 2000;
}
