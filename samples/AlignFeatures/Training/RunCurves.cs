namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>What was seen after each epoch of a run, and the seconds its training took.</summary>
/// <param name="Objective">The mean training objective of the epoch.</param>
/// <param name="RecallAt1">Recall@1 on the held-out items, the mean of both directions.</param>
/// <param name="Seconds">Training alone, without evaluation and writing.</param>
public sealed record RunCurves(IReadOnlyList<double> Objective, IReadOnlyList<double> RecallAt1, double Seconds)
{
    public static RunCurves Empty { get; } = new([], [], 0);

    public int Epochs => Objective.Count;

    public RunCurves With(double objective, double recallAt1, double seconds)
        => new([.. Objective, objective], [.. RecallAt1, recallAt1], Seconds + seconds);
}
