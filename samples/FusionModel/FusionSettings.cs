using System.Text.Json.Serialization;
using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Training;

namespace Contrastive.Samples.FusionModel;

/// <summary>Everything that decides the figures of a pretraining.</summary>
internal sealed record PretrainSettings
{
    /// <summary>The user's pictures and their captions; null for drawn ones.</summary>
    public string? Images { get; init; }

    public string? Captions { get; init; }

    /// <summary>Which scenes are drawn; null for those of places.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DrawnScenes? Scenes { get; init; }

    /// <summary>How many scenes are drawn.</summary>
    public required int Drawn { get; init; }

    /// <summary>Of the pictures and captions.</summary>
    public string? DataDigest { get; init; }

    [JsonPropertyName("loss")]
    public required IReadOnlyList<string> Losses { get; init; }

    [JsonPropertyName("structure")]
    public required IReadOnlyList<string> Structures { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>Rows of the queue, or of the decomposable loss's memory.</summary>
    public required int Queue { get; init; }

    public required int Side { get; init; }

    public required int Width { get; init; }

    public required int Layers { get; init; }

    public required int Features { get; init; }

    /// <summary>K, the pictures that a text is assigned among; 1 for no assignment.</summary>
    public required int Boxes { get; init; }

    public required Pace Pace { get; init; }

    public required string Device { get; init; }

    /// <summary>Without what makes the grid, and where the pictures lie.</summary>
    [JsonIgnore]
    public PretrainSettings OfOneRun => this with { Losses = [], Structures = [], Seeds = [], Images = null, Captions = null };
}

/// <summary>Everything that decides the figures of a fine-tuning.</summary>
internal sealed record FinetuneSettings
{
    public required string Task { get; init; }

    /// <summary>The folder of the pretrained models; null for none.</summary>
    public string? Model { get; init; }

    /// <summary>The user's pictures and files; null for drawn ones.</summary>
    public string? Images { get; init; }

    public string? Train { get; init; }

    public string? Test { get; init; }

    /// <summary>Which scenes are drawn; null for those of places.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DrawnScenes? Scenes { get; init; }

    /// <summary>About how many examples are drawn to learn from, and to score on.</summary>
    public required int Drawn { get; init; }

    public required int DrawnTest { get; init; }

    /// <summary>Of the pictures, sentences and answers.</summary>
    public string? DataDigest { get; init; }

    public required int Boxes { get; init; }

    /// <summary>Whether the places of boxes count.</summary>
    public required bool Ordered { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }

    public required int Side { get; init; }

    public required int Width { get; init; }

    public required int Layers { get; init; }

    public required Pace Pace { get; init; }

    /// <summary>Of a model without the picture or without the text.</summary>
    public required int BlindEpochs { get; init; }

    public required string Device { get; init; }

    /// <summary>Without what makes the grid, and where the files lie.</summary>
    [JsonIgnore]
    public FinetuneSettings OfOneRun => this with { Seeds = [], Model = null, Images = null, Train = null, Test = null };
}

/// <summary>What a command does beside its figures.</summary>
/// <param name="Folder">Where the results go.</param>
/// <param name="Records">The file of finished runs.</param>
/// <param name="Checkpoint">How often one is written.</param>
/// <param name="Parallel">How many runs at a time, each on one thread.</param>
internal sealed record Running(string Folder, string Records, string Checkpoint, int Parallel)
{
    public string Model(FusionKey key) => Path.Combine(Folder, ModelFolder.Models, key.FileName);

    public string CheckpointOf(FusionKey key) => Path.Combine(Folder, "runs", $"{key.FileName}.checkpoint");
}
