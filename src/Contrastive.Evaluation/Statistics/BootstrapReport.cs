using System.Globalization;

namespace Contrastive.Evaluation;

/// <summary>A statistic with its bootstrap interval. Made by <see cref="Bootstrap"/>.</summary>
public sealed record BootstrapReport
{
    internal BootstrapReport(double estimate, double standardError, ConfidenceInterval interval, int resamples)
    {
        Estimate = estimate;
        StandardError = standardError;
        Interval = interval;
        Resamples = resamples;
    }

    /// <summary>The statistic of the items as they are.</summary>
    public double Estimate { get; }

    /// <summary>The standard deviation of the statistic over the resamples.</summary>
    public double StandardError { get; }

    /// <summary>The interval.</summary>
    public ConfidenceInterval Interval { get; }

    /// <summary>How many resamples were drawn.</summary>
    public int Resamples { get; }

    /// <summary>The figures on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Estimate:G4} in {Interval} ({Interval.Level:P0})");
}
