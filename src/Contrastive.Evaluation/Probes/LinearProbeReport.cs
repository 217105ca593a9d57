using System.Collections.Immutable;
using System.Globalization;

namespace Contrastive.Evaluation;

/// <summary>How well a linear classifier does on the test rows. Made by <see cref="LinearProbe"/>.</summary>
public sealed class LinearProbeReport
{
    internal LinearProbeReport(
        double accuracy,
        double balancedAccuracy,
        double strength,
        bool strengthIsAtEdge,
        ImmutableArray<StrengthScore> validation,
        int evaluations,
        bool converged,
        ImmutableArray<double> hits)
    {
        Accuracy = accuracy;
        BalancedAccuracy = balancedAccuracy;
        Strength = strength;
        StrengthIsAtEdge = strengthIsAtEdge;
        Validation = validation;
        Evaluations = evaluations;
        Converged = converged;
        Hits = hits;
    }

    /// <summary>The share of test rows classified correctly, in [0, 1]; an expected share where classes tie.</summary>
    public double Accuracy { get; }

    /// <summary>The mean, over the classes among the test rows, of the share of their rows classified correctly.</summary>
    public double BalancedAccuracy { get; }

    /// <summary>The L2 strength λ of the final fit.</summary>
    public double Strength { get; }

    /// <summary>Whether that is the weakest or the strongest of those to choose from: one beyond it may do better.</summary>
    public bool StrengthIsAtEdge { get; }

    /// <summary>
    /// The scores the strength was chosen by, from the weakest strength to the strongest; empty when there was nothing to
    /// choose from or no row to validate on.
    /// </summary>
    public ImmutableArray<StrengthScore> Validation { get; }

    /// <summary>How often the final fit computed objective and gradient.</summary>
    public int Evaluations { get; }

    /// <summary>
    /// Whether the final fit met <see cref="LinearProbeOptions.Tolerance"/>. If not, the best point found was used.
    /// </summary>
    public bool Converged { get; }

    /// <summary>Whether each test row was classified correctly: 1 or 0, or its share where classes tie; in the order of the rows.</summary>
    public ImmutableArray<double> Hits { get; }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"accuracy {Accuracy:F4}, balanced {BalancedAccuracy:F4}, strength {Strength:G3}{(StrengthIsAtEdge ? " (at the edge of the grid)" : "")}{(Converged ? "" : ", not converged")}");
}

/// <summary>A linear probe fitted to a few rows of each class, several times. Made by <see cref="LinearProbe"/>.</summary>
public sealed class FewShotReport
{
    internal FewShotReport(int shots, ImmutableArray<LinearProbeReport> draws)
    {
        Shots = shots;
        Draws = draws;
    }

    /// <summary>The labelled rows of each class.</summary>
    public int Shots { get; }

    /// <summary>The report of each draw, in the order drawn.</summary>
    public ImmutableArray<LinearProbeReport> Draws { get; }

    /// <summary>The accuracy of each draw, in [0, 1].</summary>
    public ImmutableArray<double> Accuracies => [.. Draws.Select(draw => draw.Accuracy)];

    /// <summary>The mean of <see cref="Accuracies"/>.</summary>
    public double Mean => Draws.Average(draw => draw.Accuracy);

    /// <summary>
    /// The standard deviation of <see cref="Accuracies"/>, with draws - 1 as divisor: the spread between draws, not the error
    /// of the mean. NaN for a single draw.
    /// </summary>
    public double StandardDeviation
    {
        get
        {
            double mean = Mean;
            return Draws.Length == 1
                ? double.NaN
                : Math.Sqrt(Draws.Sum(draw => (draw.Accuracy - mean) * (draw.Accuracy - mean)) / (Draws.Length - 1));
        }
    }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Shots} per class, {Draws.Length} draws: accuracy {Mean:F4}, standard deviation {StandardDeviation:F4}");
}

/// <summary>How one L2 strength did on the validation rows. Made by <see cref="LinearProbe"/>.</summary>
public sealed record StrengthScore
{
    internal StrengthScore(double strength, double accuracy, double crossEntropy)
    {
        Strength = strength;
        Accuracy = accuracy;
        CrossEntropy = crossEntropy;
    }

    /// <summary>The strength λ.</summary>
    public double Strength { get; }

    /// <summary>The share of validation rows classified correctly, in [0, 1]; an expected share where classes tie.</summary>
    public double Accuracy { get; }

    /// <summary>The mean of -log p(label) over the validation rows, in nats; ≥ 0.</summary>
    public double CrossEntropy { get; }
}
