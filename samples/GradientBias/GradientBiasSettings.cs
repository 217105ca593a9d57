namespace Contrastive.Samples.GradientBias;

/// <summary>What the command line decides.</summary>
internal sealed record GradientBiasSettings
{
    public required int Runs { get; init; }

    public required int Steps { get; init; }

    public required int BatchSize { get; init; }

    public required int Seed { get; init; }

    /// <summary>Starts of the search for the optimum.</summary>
    public required int Starts { get; init; }

    /// <summary>Batch sizes at which the gradient's bias is measured.</summary>
    public required IReadOnlyList<int> BiasBatchSizes { get; init; }

    /// <summary>Passes over the data that the bias is measured with.</summary>
    public required int BiasPasses { get; init; }

    /// <summary>Passes over the data in which the partition table settles before the bias is measured.</summary>
    public required int BiasWarmUpPasses { get; init; }

    /// <summary>σ, the noise added to the similarities of the negatives.</summary>
    public IReadOnlyList<double> NoiseLevels { get; } = [0, 1, 2];
}
