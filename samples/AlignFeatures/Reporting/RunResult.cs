using System.Text.Json.Serialization;

namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>The figures of one run as the summary has them; those without a direction are the mean of both.</summary>
public sealed record RunResult
{
    public required string Loss { get; init; }

    /// <summary>What was asked of the space beside the contrastive loss.</summary>
    public required string Structure { get; init; }

    public required int BatchSize { get; init; }

    public required long Seed { get; init; }

    public required double RecallAt1 { get; init; }

    public required double RecallAt5 { get; init; }

    public required double RecallAt10 { get; init; }

    public required double Mrr { get; init; }

    public required double? Map { get; init; }

    public required double ModalityGap { get; init; }

    public required double Alignment { get; init; }

    public required double Uniformity { get; init; }

    public required double Seconds { get; init; }

    /// <summary>Empty where the run was not probed.</summary>
    public required IReadOnlyList<ProbeResult> Probes { get; init; }

    public required Direction LeftToRight { get; init; }

    public required Direction RightToLeft { get; init; }

    [JsonIgnore]
    public RunKey Key => new(Structure, Loss, BatchSize, Seed);

    public static RunResult Of(RunKey key, HeldOut held, IReadOnlyList<ProbeResult> probes, double seconds)
    {
        return new RunResult
        {
            Loss = key.Loss,
            Structure = key.Structure,
            BatchSize = key.BatchSize,
            Seed = key.Seed,
            RecallAt1 = held.RecallAt1,
            RecallAt5 = Mean(direction => direction.RecallAt5)!.Value,
            RecallAt10 = Mean(direction => direction.RecallAt10)!.Value,
            Mrr = Mean(direction => direction.Mrr)!.Value,
            Map = Mean(direction => direction.Map),
            ModalityGap = held.ModalityGap,
            Alignment = held.Alignment,
            Uniformity = held.Uniformity,
            Seconds = seconds,
            Probes = probes,
            LeftToRight = held.LeftToRight,
            RightToLeft = held.RightToLeft,
        };

        double? Mean(Func<Direction, double?> figure) => (figure(held.LeftToRight) + figure(held.RightToLeft)) / 2;
    }
}
