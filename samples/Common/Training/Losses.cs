using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>The losses that samples compare, by the names of their command lines. All contrast in both directions.</summary>
public static class Losses
{
    public const string Baseline = "infonce";

    public static IReadOnlyList<string> Names { get; } = [Baseline, "gamma", "gamma-mean"];

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="population">How many the decomposable loss contrasts each one with; null for all of them.</param>
    /// <param name="rho">The step size of the running estimate of log Z, visit by visit.</param>
    /// <param name="random">Draws u where the loss draws it.</param>
    public static ContrastiveLoss Create(
        string name, long items, long? population, Temperature temperature, StepSizeSchedule rho, Generator random)
    {
        return name switch
        {
            Baseline => new InfoNCELoss(temperature, ContrastMode.Symmetric),
            "gamma" => Gamma(EStep.Sampled),
            "gamma-mean" => Gamma(EStep.PosteriorMean),
            _ => throw new ArgumentException($"there is no loss '{name}'", nameof(name)),
        };

        GammaContrastiveLoss Gamma(EStep step) => new(
            new PartitionTable(items, rho, population: population), temperature, ContrastMode.Symmetric, eStep: step, generator: random);
    }
}
