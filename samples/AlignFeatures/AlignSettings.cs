using System.Text.Json.Serialization;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and the checkpoint.</summary>
public sealed record AlignSettings
{
    /// <summary>Null where the data set is made up.</summary>
    public required string? Left { get; init; }

    public required string? Right { get; init; }

    public required string? Labels { get; init; }

    /// <summary>How many items are made up without files.</summary>
    public required int Items { get; init; }

    public required string Device { get; init; }

    [JsonPropertyName("loss")]
    public required IReadOnlyList<string> Losses { get; init; }

    [JsonPropertyName("batch_size")]
    public required IReadOnlyList<int> BatchSizes { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }

    public required int Epochs { get; init; }

    public required double Temperature { get; init; }

    public required int Hidden { get; init; }

    /// <summary>The width of the embeddings.</summary>
    public required int Features { get; init; }

    public required double LearningRate { get; init; }

    public required double WeightDecay { get; init; }

    public required double TestFraction { get; init; }
}
