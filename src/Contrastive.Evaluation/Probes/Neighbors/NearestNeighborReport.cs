using System.Collections.Immutable;
using System.Globalization;

namespace Contrastive.Evaluation;

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
