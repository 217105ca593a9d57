namespace Contrastive.Samples;

/// <summary>A figure of one training step: the objective, or a part of it.</summary>
public readonly record struct LossTerm(string Name, double Value)
{
    /// <summary>The name of the contrast between the modalities.</summary>
    public const string Objective = "objective";

    public override string ToString() => $"{Name} {Value:G4}";
}
