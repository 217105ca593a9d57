using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>The losses of the experiment, by the names of the command line. All contrast in both directions.</summary>
internal static class Losses
{
    public const string Baseline = "infonce";

    // ρ, the share of the newest batch in the running estimate of log Z: from trusting it to averaging over the last epochs.
    private const double FirstRho = 0.9;
    private const double LastRho = 0.1;

    public static IReadOnlyList<string> Names { get; } = [Baseline, "gamma", "gamma-mean"];

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="items">How many training items there are: the population each one is contrasted with.</param>
    /// <param name="settings">The temperature and the number of epochs, which is how often each item is visited.</param>
    /// <param name="random">Draws u where the loss draws it.</param>
    public static ContrastiveLoss Create(string name, long items, AlignSettings settings, Generator random)
    {
        var temperature = Temperature.Fixed(settings.Temperature);
        return name switch
        {
            Baseline => new InfoNCELoss(temperature, ContrastMode.Symmetric),
            "gamma" => Gamma(EStep.Sampled),
            "gamma-mean" => Gamma(EStep.PosteriorMean),
            _ => throw new ArgumentException($"there is no loss '{name}'", nameof(name)),
        };

        GammaContrastiveLoss Gamma(EStep step)
        {
            var table = new PartitionTable(items, StepSizeSchedule.Cosine(FirstRho, LastRho, settings.Epochs));
            return new GammaContrastiveLoss(table, temperature, symmetric: true, eStep: step, generator: random);
        }
    }
}
