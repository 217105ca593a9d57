namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>What was seen after each epoch of a run and in the one under way, and the seconds its training took.</summary>
/// <param name="Objective">The mean training objective of each complete epoch.</param>
/// <param name="RecallAt1">Recall@1 on the held-out items after each, the mean of both directions.</param>
/// <param name="Underway">The sum of the objective over the steps of the epoch that is not complete.</param>
/// <param name="Seconds">Training alone, without evaluation and writing.</param>
public sealed record RunCurves(IReadOnlyList<double> Objective, IReadOnlyList<double> RecallAt1, double Underway, double Seconds)
{
    public static RunCurves Empty { get; } = new([], [], 0, 0);

    public int Epochs => Objective.Count;

    public RunCurves WithStep(double objective, double seconds) => this with { Underway = Underway + objective, Seconds = Seconds + seconds };

    public RunCurves WithEpoch(long steps, double recallAt1)
        => this with { Objective = [.. Objective, Underway / steps], RecallAt1 = [.. RecallAt1, recallAt1], Underway = 0 };
}
