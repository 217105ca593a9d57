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
        ImmutableArray<StrengthScore> validation,
        int evaluations,
        bool converged,
        ImmutableArray<double> hits)
    {
        Accuracy = accuracy;
        BalancedAccuracy = balancedAccuracy;
        Strength = strength;
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
        $"accuracy {Accuracy:F4}, balanced {BalancedAccuracy:F4}, strength {Strength:G3}{(Converged ? "" : ", not converged")}");
}
