namespace Contrastive.Evaluation;

/// <summary>The differences of two systems on the same items.</summary>
/// <param name="Differences">One for each item.</param>
/// <param name="Roundings">How far off each may be: two that are equal on paper are no further apart than the larger of theirs.</param>
internal sealed record PairedScores(double[] Differences, double[] Roundings);
