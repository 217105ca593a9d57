using System.Text.Json.Serialization;
using Contrastive.Modality;

namespace Contrastive.Samples;

/// <summary>What decides the figures of an experiment with two towers, whatever the towers see.</summary>
public abstract record TwoTowerSettings
{
    public required string Device { get; init; }

    [JsonPropertyName("loss")]
    public required IReadOnlyList<string> Losses { get; init; }

    [JsonPropertyName("structure")]
    public required IReadOnlyList<string> Structures { get; init; }

    [JsonPropertyName("batch_size")]
    public required IReadOnlyList<int> BatchSizes { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }

    public required int Epochs { get; init; }

    /// <summary>Of the contrast between the modalities; where it is learned, its start.</summary>
    public required double Temperature { get; init; }

    /// <summary>The width of the embeddings.</summary>
    public required int Features { get; init; }

    /// <summary>The largest.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Decoupled, as AdamW's.</summary>
    public required double WeightDecay { get; init; }

    public required double SeparationWeight { get; init; }

    public required double BridgeWeight { get; init; }

    /// <summary>Whose augmentations lie on the bridge.</summary>
    public required BridgeSide BridgeSide { get; init; }

    /// <summary>t, the weight of an augmentation's own side in its mean.</summary>
    public required double BridgeTime { get; init; }

    public required double ConsistencyWeight { get; init; }

    /// <summary>Of each of CyCLIP's two consistencies.</summary>
    public required double CyclipWeight { get; init; }

    /// <summary>How often the items of a few-shot probe are drawn.</summary>
    public required int ProbeDraws { get; init; }

    [JsonIgnore]
    public IReadOnlyList<RunKey> Grid => RunKey.Grid(Structures, Losses, BatchSizes, Seeds);

    [JsonIgnore]
    public StructureWeights StructureWeights => new(SeparationWeight, BridgeWeight, BridgeSide, BridgeTime, ConsistencyWeight, CyclipWeight);
}
