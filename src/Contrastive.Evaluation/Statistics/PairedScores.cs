namespace Contrastive.Evaluation;

/// <summary>The differences of two systems on the same items.</summary>
/// <param name="Differences">One for each item.</param>
/// <param name="Rounding">How far two of them may lie apart that are equal on paper.</param>
internal sealed record PairedScores(double[] Differences, double Rounding);
