using System.Collections.Immutable;
using System.Globalization;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Whether probabilities of classes mean what they say (C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, §2): of all
/// rows whose best class has probability 0.8, four in five should be right.
/// </summary>
/// <remarks>
/// <para>
/// $$\mathrm{ECE} = \sum_b \frac{n_b}{N} \lvert \mathrm{acc}_b - \mathrm{conf}_b \rvert, \qquad
/// \mathrm{Brier} = \operatorname*{mean}_i \sum_c (p_{ic} - [c = y_i])^2$$
/// </para>
/// <para>A row's confidence is the largest of its probabilities. Bins are equally wide, (0, 1/b], (1/b, 2/b], …, and acc and conf are the accuracy
/// and the mean confidence of a bin's rows.</para>
/// <para>torchmetrics' <c>MulticlassCalibrationError</c> with 15 bins and norm l1 is the ECE, with norm max the maximum. Brier's score is his own, of
/// all classes, in [0, 2] (G. Brier, Monthly Weather Review 78, 1950). Classes that share the largest probability share the hit.</para>
/// </remarks>
public static class Calibration
{
    /// <summary>How far a row's probabilities may be from adding up to 1.</summary>
    private const double Rounding = 1e-2;

    /// <summary>The calibration of predictions.</summary>
    /// <param name="probabilities">
    /// Of shape <c>(N, C)</c>, N ≥ 1: of each row over all classes, in [0, 1] and adding up to 1, such as
    /// <see cref="LinearClassifier.Probabilities"/> or <see cref="ZeroShotClassifier.Score"/> with a temperature give.
    /// </param>
    /// <param name="labels">The class of each row, integers from 0 to C - 1 of shape <c>(N)</c>, on the probabilities' device.</param>
    /// <param name="bins">How many bins, at least 1.</param>
    /// <returns>The errors, and the bins of a reliability diagram.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The probabilities are not a floating-point matrix, have no rows, or are none; or there is not one class for each row on their device.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bins"/> is below 1.</exception>
    public static CalibrationReport Evaluate(Tensor probabilities, Tensor labels, int bins = 15)
    {
        Guard.Features(probabilities);
        Checks.LabelledRows(probabilities, labels, 1);
        Guard.AtLeast(bins, 1);
        long[] expected = ClassLabels.Read(labels);
        int classes = (int)probabilities.shape[1];
        int unknown = Array.FindIndex(expected, label => label < 0 || label >= classes);
        if (unknown >= 0)
            throw new ArgumentException($"labels must be from 0 to {classes - 1} but has {expected[unknown]} at {unknown}", nameof(labels));

        using var scope = NewDisposeScope();
        double[] values = ScoredRows.Doubles(probabilities.detach());
        double[] confidence = new double[bins], right = new double[bins];
        int[] counts = new int[bins];
        double brier = 0, logLoss = 0;
        for (int row = 0; row < expected.Length; row++)
        {
            var own = values.AsSpan(row * classes, classes);
            Check(own, row);
            int label = (int)expected[row], best = 0;
            double most = 0;
            for (int c = 0; c < classes; c++)
            {
                brier += (own[c] - (c == label ? 1 : 0)) * (own[c] - (c == label ? 1 : 0));
                best = own[c] > most ? 1 : own[c] == most ? best + 1 : best;
                most = Math.Max(most, own[c]);
            }

            logLoss -= Math.Log(own[label]);
            int bin = Math.Clamp((int)Math.Ceiling(most * bins) - 1, 0, bins - 1);
            confidence[bin] += most;
            right[bin] += own[label] == most ? 1.0 / best : 0;
            counts[bin]++;
        }

        return new CalibrationReport(
            [.. counts.Select((count, bin) => new CalibrationBin(count, right[bin] / count, confidence[bin] / count))],
            brier / expected.Length,
            logLoss / expected.Length,
            expected.Length);
    }

    private static void Check(ReadOnlySpan<double> probabilities, int row)
    {
        double sum = 0;
        foreach (double probability in probabilities)
        {
            if (!(probability >= 0 && probability <= 1))
                throw new ArgumentException($"probabilities must lie in [0, 1] but has {probability} in row {row}", nameof(probabilities));
            sum += probability;
        }

        if (Math.Abs(sum - 1) > Rounding)
            throw new ArgumentException($"probabilities must add up to 1 but row {row} adds up to {sum}", nameof(probabilities));
    }
}

/// <summary>The rows whose confidence lies in one bin.</summary>
/// <param name="Rows">How many there are.</param>
/// <param name="Accuracy">The share of them that are right; NaN where there are none.</param>
/// <param name="Confidence">Their mean confidence; NaN where there are none.</param>
public readonly record struct CalibrationBin(int Rows, double Accuracy, double Confidence);

/// <summary>How well confidence and accuracy agree. Made by <see cref="Calibration"/>.</summary>
public sealed class CalibrationReport
{
    internal CalibrationReport(ImmutableArray<CalibrationBin> bins, double brier, double logLoss, int rows)
    {
        (Bins, BrierScore, CrossEntropy) = (bins, brier, logLoss);
        var filled = bins.Where(bin => bin.Rows > 0).ToArray();
        ExpectedError = filled.Sum(bin => bin.Rows * Math.Abs(bin.Accuracy - bin.Confidence)) / rows;
        MaximumError = filled.Max(bin => Math.Abs(bin.Accuracy - bin.Confidence));
        Accuracy = filled.Sum(bin => bin.Rows * bin.Accuracy) / rows;
        Confidence = filled.Sum(bin => bin.Rows * bin.Confidence) / rows;
    }

    /// <summary>The expected calibration error, ECE, in [0, 1].</summary>
    public double ExpectedError { get; }

    /// <summary>The largest of the bins' errors, MCE, in [0, 1].</summary>
    public double MaximumError { get; }

    /// <summary>Brier's score, in [0, 2].</summary>
    public double BrierScore { get; }

    /// <summary>The mean of -log p(label), in nats, ≥ 0; infinite where a label's probability is 0.</summary>
    public double CrossEntropy { get; }

    /// <summary>The share of rows whose best class is right.</summary>
    public double Accuracy { get; }

    /// <summary>The mean of the largest probability; above the accuracy where the predictions are too sure.</summary>
    public double Confidence { get; }

    /// <summary>The bins, from the least sure to the surest: a reliability diagram.</summary>
    public ImmutableArray<CalibrationBin> Bins { get; }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"ECE {ExpectedError:F4}, MCE {MaximumError:F4}, Brier {BrierScore:F4}, accuracy {Accuracy:F4}, confidence {Confidence:F4}");
}
