using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>The losses that can be compared, by the names of the command line. All contrast in both directions.</summary>
internal static class SearchLosses
{
    public const string Baseline = "infonce";

    private const string Sigmoid = "siglip";

    // The memory holds this many times what it uses at the largest step size: it grows as steps become small.
    private const int Growth = 8;

    // ρ = (visit)^-0.6: the share of the newest batch in the running estimate of log Z.
    private const double RhoExponent = 0.6;

    public static IReadOnlyList<string> Names { get; } = [Baseline, Sigmoid, "dcl", "gamma", "gamma-mean"];

    /// <summary>SigLIP has no denominator that a memory could fill.</summary>
    public static bool TakesMemory(string loss) => loss != Sigmoid;

    /// <param name="key">Which loss, and how much it remembers.</param>
    /// <param name="items">How many training items there are; each is contrasted with all others.</param>
    /// <param name="features">D.</param>
    /// <param name="temperature">τ.</param>
    /// <param name="random">Draws u where the loss draws it.</param>
    public static (ContrastiveLoss Loss, CrossBatchMemory? Memory) Create(
        SearchKey key, long items, int features, double temperature, Generator random)
    {
        var memory = key.Memory > 0 ? new CrossBatchMemory(Growth * key.Memory, features, lengthAtPeak: key.Memory) : null;
        var tau = Temperature.Fixed(temperature);
        return (key.Loss switch
        {
            Baseline => new InfoNCELoss(tau, ContrastMode.Symmetric, memory: memory),
            "dcl" => new InfoNCELoss(tau, ContrastMode.Symmetric, decoupled: true, memory: memory),
            Sigmoid => new SigmoidContrastiveLoss(tau, mode: ContrastMode.Symmetric),
            "gamma" => Gamma(EStep.Sampled),
            "gamma-mean" => Gamma(EStep.PosteriorMean),
            _ => throw new ArgumentException($"there is no loss '{key.Loss}'", nameof(key)),
        }, memory);

        GammaContrastiveLoss Gamma(EStep step) => new(
            new PartitionTable(items, StepSizeSchedule.Power(RhoExponent)), tau, ContrastMode.Symmetric, eStep: step, generator: random, memory: memory);
    }
}
