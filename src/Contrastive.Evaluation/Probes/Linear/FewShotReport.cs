using System.Collections.Immutable;
using System.Globalization;

namespace Contrastive.Evaluation;

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
