using System.Collections.Immutable;
using System.Globalization;
using Contrastive.Numerics;

namespace Contrastive.Evaluation;

/// <summary>How often zero-shot classification was right. Made by <see cref="ZeroShotClassifier"/>.</summary>
public sealed class ZeroShotReport
{
    private readonly FirstMatch[] _rows;
    private readonly int[][] _best;
    private readonly long[] _labels;

    internal ZeroShotReport(FirstMatch[] rows, int[][] best, long[] labels, long classes, int[] cutoffs)
    {
        (_rows, _best, _labels) = (rows, best, labels);
        Hits = HitsAt(1);
        Ranks = [.. rows.Select(row => row.Rank)];
        TopAccuracy = cutoffs.ToImmutableSortedDictionary(k => k, k => HitsAt(k).Average());
        (Accuracy, BalancedAccuracy) = ClassAccuracy.Of(Hits, labels);
        ClassAccuracies = ClassAccuracy.ByClass(Hits, labels, classes);
    }

    /// <summary>The share of rows whose best class is right, in [0, 1]; top-1 accuracy.</summary>
    public double Accuracy { get; }

    /// <summary>Top-k accuracy by k: the share of rows whose class is among the best k, in [0, 1].</summary>
    public ImmutableSortedDictionary<int, double> TopAccuracy { get; }

    /// <summary>The mean over the classes that have rows of their accuracy: mean per-class accuracy.</summary>
    public double BalancedAccuracy { get; }

    /// <summary>The top-1 accuracy of each class's rows, C of them; NaN where it has none.</summary>
    public ImmutableArray<double> ClassAccuracies { get; }

    /// <summary>
    /// Whether each row's best class is right: 1 or 0, or the chance of it where scores tie. Their mean is
    /// <see cref="Accuracy"/>; they are what <see cref="Bootstrap"/> and the paired tests take.
    /// </summary>
    public ImmutableArray<double> Hits { get; }

    /// <summary>The rank of each row's class among all, from 1 to C; an expected rank where scores tie.</summary>
    public ImmutableArray<double> Ranks { get; }

    /// <summary>Whether each row's class is among the best k: 1 or 0, or the chance of it where scores tie.</summary>
    /// <param name="k">How many classes count, at least 1; any, not only those of <see cref="TopAccuracy"/>.</param>
    /// <returns>A number in [0, 1] for each row.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="k"/> is below 1.</exception>
    public ImmutableArray<double> HitsAt(int k)
    {
        Guard.AtLeast(k, 1);
        return [.. _rows.Select(row => row.Hit(k))];
    }

    /// <summary>How many rows of each class were taken for which.</summary>
    /// <returns>
    /// C × C counts: entry [label, predicted]. A row whose best score several classes share counts for each by its share. The sum
    /// is N, and the diagonal's N times <see cref="Accuracy"/>.
    /// </returns>
    public double[,] ConfusionMatrix()
    {
        double[,] table = new double[ClassAccuracies.Length, ClassAccuracies.Length];
        for (int row = 0; row < _labels.Length; row++)
        {
            foreach (int predicted in _best[row])
                table[_labels[row], predicted] += 1.0 / _best[row].Length;
        }

        return table;
    }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString()
    {
        string top = string.Concat(
            TopAccuracy.Select(at => string.Create(CultureInfo.InvariantCulture, $"top-{at.Key} {at.Value:F4}, ")));
        return string.Create(CultureInfo.InvariantCulture, $"{top}balanced {BalancedAccuracy:F4}");
    }
}
