namespace Contrastive.Samples;

/// <summary>How a run is trained, whatever its towers are.</summary>
public sealed record TrainingPlan
{
    public required int Epochs { get; init; }

    /// <summary>The largest; it falls to 0 on a cosine.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The share of the steps in which it rises.</summary>
    public double Warmup { get; init; }

    /// <summary>Decoupled, as AdamW's.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>Adam's decay of the squares.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Of the contrast between the modalities; where it is learned, its start.</summary>
    public required double Temperature { get; init; }

    public bool LearnTemperature { get; init; }

    /// <summary>ρ, the share of the newest batch in the running estimate of log Z, at an item's first visit and in the last epoch.</summary>
    public required (double First, double Last) Rho { get; init; }

    /// <summary>How many items the decomposable loss contrasts each one with, at most all there are; null for all of them.</summary>
    public long? Population { get; init; }

    public required StructureWeights Structures { get; init; }
}
