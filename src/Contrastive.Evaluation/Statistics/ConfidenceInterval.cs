using System.Globalization;

namespace Contrastive.Evaluation;

/// <summary>An interval that covers the true value with a given probability.</summary>
/// <param name="Lower">Its lower end.</param>
/// <param name="Upper">Its upper end.</param>
/// <param name="Level">The probability, such as 0.95.</param>
public readonly record struct ConfidenceInterval(double Lower, double Upper, double Level)
{
    /// <summary>Whether a value lies in the interval, its ends included.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False where an end is NaN.</returns>
    public bool Contains(double value) => value >= Lower && value <= Upper;

    /// <summary>The interval, as "[lower, upper]".</summary>
    /// <returns>The text, in the invariant culture.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"[{Lower:G4}, {Upper:G4}]");
}
