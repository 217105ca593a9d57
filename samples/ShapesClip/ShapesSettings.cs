using System.Text.Json.Serialization;
using Contrastive.Modality;
using Contrastive.Samples.ShapesClip.Data;

namespace Contrastive.Samples.ShapesClip;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and beside each run.</summary>
public sealed record ShapesSettings
{
    /// <summary>How many pairs are drawn for training.</summary>
    public required int Pairs { get; init; }

    /// <summary>The folder of the user's pictures; null for drawn ones.</summary>
    public string? ImageDir { get; init; }

    /// <summary>Their captions file.</summary>
    public string? Captions { get; init; }

    /// <summary>Pixels a side.</summary>
    public int PictureSize { get; init; } = Painter.Side;

    /// <summary>The share of the user's pictures that are for testing; as many again are for validation.</summary>
    public double TestShare { get; init; } = 0.1;

    /// <summary>Of the user's pictures and captions: wherever they lie, the same give the same figures.</summary>
    public string? DataDigest { get; init; }

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

    public required bool LearnTemperature { get; init; }

    /// <summary>How many items the decomposable loss contrasts each one with; null for all of them.</summary>
    public long? Population { get; init; }

    /// <summary>The share of the newest batch in the decomposable loss's running estimate of log Z, at the first visit.</summary>
    public required double FirstRho { get; init; }

    /// <summary>And in the last epoch; between them it follows half a cosine.</summary>
    public required double LastRho { get; init; }

    /// <summary>Channels of the image tower's first layer.</summary>
    public required int ImageWidth { get; init; }

    /// <summary>The width of the text tower's tokens.</summary>
    public required int TextWidth { get; init; }

    public required int TextDepth { get; init; }

    /// <summary>The width of both towers' encodings.</summary>
    public required int Encoding { get; init; }

    /// <summary>The width of the embeddings.</summary>
    public required int Features { get; init; }

    /// <summary>At batches of 128; it goes with the square root of the batch size.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The share of the steps in which the learning rate rises.</summary>
    public required double Warmup { get; init; }

    public required double WeightDecay { get; init; }

    public required double SeparationWeight { get; init; }

    public required double BridgeWeight { get; init; }

    public required BridgeSide BridgeSide { get; init; }

    public required double BridgeTime { get; init; }

    public required double ConsistencyWeight { get; init; }

    /// <summary>Of each of CyCLIP's two consistencies.</summary>
    public required double CyclipWeight { get; init; }

    /// <summary>The least share of a side that an augmentation's crop keeps.</summary>
    public required double Crop { get; init; }

    public required double Jitter { get; init; }

    public required double Synonyms { get; init; }

    public required double Swap { get; init; }

    public required double Deletion { get; init; }

    /// <summary>Labels of each class that a few-shot probe learns from.</summary>
    public required int Shots { get; init; }

    /// <summary>How often they are drawn.</summary>
    public required int ProbeDraws { get; init; }

    [JsonIgnore]
    internal IReadOnlyList<RunKey> Grid => RunKey.Grid(Structures, Losses, BatchSizes, Seeds);

    [JsonIgnore]
    internal StructureWeights StructureWeights => new(SeparationWeight, BridgeWeight, BridgeSide, BridgeTime, ConsistencyWeight, CyclipWeight);

    /// <summary>What decides one run's figures: these settings without the lists that make the grid and where the pictures lie.</summary>
    internal ShapesSettings OfOneRun => this with { Losses = [], Structures = [], BatchSizes = [], Seeds = [], ImageDir = null, Captions = null };
}
