using System.Text.Json.Serialization;
using Contrastive.Modality;

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

    [JsonPropertyName("structure")]
    public required IReadOnlyList<string> Structures { get; init; }

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

    /// <summary>The weights of the structures beside the contrastive loss.</summary>
    public required double SeparationWeight { get; init; }

    public required double BridgeWeight { get; init; }

    /// <summary>Whose augmentations lie on the bridge.</summary>
    public required BridgeSide BridgeSide { get; init; }

    /// <summary>t, the weight of an augmentation's own side in its mean.</summary>
    public required double BridgeTime { get; init; }

    public required double ConsistencyWeight { get; init; }

    /// <summary>Of each of CyCLIP's two consistencies.</summary>
    public required double CyclipWeight { get; init; }

    /// <summary>The standard deviation of the noise that an augmentation adds to standardised features.</summary>
    public required double Noise { get; init; }

    /// <summary>The share of features that an augmentation drops.</summary>
    public required double Dropout { get; init; }

    [JsonIgnore]
    internal IReadOnlyList<RunKey> Grid => RunKey.Grid(Structures, Losses, BatchSizes, Seeds);

    [JsonIgnore]
    internal StructureWeights StructureWeights => new(SeparationWeight, BridgeWeight, BridgeSide, BridgeTime, ConsistencyWeight, CyclipWeight);

    /// <summary>Whether runs are probed for the labels; needs labels.</summary>
    public required bool Probe { get; init; }

    /// <summary>How often the items of a few-shot probe are drawn.</summary>
    public required int ProbeDraws { get; init; }
}
