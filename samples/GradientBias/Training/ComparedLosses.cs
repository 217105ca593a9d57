using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias;

/// <summary>The two losses that are compared, by the names of the summary. Anchors against candidates, one direction.</summary>
internal static class ComparedLosses
{
    public const string InfoNCE = "infonce";
    public const string GammaMean = "gamma-mean";

    // ρ = 16 / visit: Ẑ forgets the first visits, when the encoder was another one, and averages ever more of the later ones.
    public const double RhoScale = 16;

    public static IReadOnlyList<string> Names { get; } = [InfoNCE, GammaMean];

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="rho">The partition table's step sizes.</param>
    /// <param name="dtype">Of the partition table.</param>
    public static ContrastiveLoss Create(string name, int population, StepSizeSchedule rho, ScalarType dtype = ScalarType.Float32)
    {
        var temperature = Temperature.Fixed(SyntheticProblem.Temperature);
        return name switch
        {
            InfoNCE => new InfoNCELoss(temperature),
            GammaMean => new GammaContrastiveLoss(new PartitionTable(population, rho, dtype: dtype), temperature),
            _ => throw new ArgumentException($"there is no loss '{name}'", nameof(name)),
        };
    }
}
