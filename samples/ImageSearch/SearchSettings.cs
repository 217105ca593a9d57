using System.Text.Json.Serialization;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and beside each run.</summary>
internal sealed record SearchSettings
{
    /// <summary>The user's pictures; null for drawn ones.</summary>
    public PictureSource? Source { get; init; }

    /// <summary>How many items are drawn; 0 for the user's pictures.</summary>
    public required int Drawn { get; init; }

    /// <summary>Of the pictures and what is said of them: wherever they lie, the same give the same figures.</summary>
    public string? DataDigest { get; init; }

    public required string Device { get; init; }

    [JsonPropertyName("loss")]
    public required IReadOnlyList<string> Losses { get; init; }

    [JsonPropertyName("memory")]
    public required IReadOnlyList<int> Memories { get; init; }

    [JsonPropertyName("batch_size")]
    public required IReadOnlyList<int> BatchSizes { get; init; }

    /// <summary>Empty for the rule.</summary>
    [JsonPropertyName("learning_rate")]
    public required IReadOnlyList<double> LearningRates { get; init; }

    /// <summary>Whether they are chosen on validation items, for each loss, memory and batch size.</summary>
    public bool Tuned { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>How often a run sees as many samples as there are training items.</summary>
    public required int Epochs { get; init; }

    public required double Temperature { get; init; }

    /// <summary>The share of the steps in which the learning rate rises; then it falls to 0 on a cosine.</summary>
    public required double Warmup { get; init; }

    /// <summary>Decoupled, as AdamW's.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>How far a picture moves at most when it is seen, in pixels.</summary>
    public required int Shift { get; init; }

    /// <summary>Pixels a side.</summary>
    public required int PictureSize { get; init; }

    public required int Buckets { get; init; }

    /// <summary>Of the first convolution.</summary>
    public required int Channels { get; init; }

    public required int Features { get; init; }

    public required double TestShare { get; init; }

    public required double ValidationShare { get; init; }

    public required long SplitSeed { get; init; }

    /// <summary>Whether runs are scored on validation items, which they then do not train on.</summary>
    public required bool Validation { get; init; }

    /// <summary>What is asked of the space beside; null where nobody has asked, and then no part of the settings that are written.</summary>
    [JsonPropertyName("structure")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<SearchStructure>? Structures { get; init; }

    /// <summary>What categories are asked with; {} stands for the name.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>How often the labelled pictures of a few-shot probe are drawn.</summary>
    public required int ProbeDraws { get; init; }

    [JsonIgnore]
    public TowerSizes Sizes => new(PictureSize, Buckets, Channels, Features);

    /// <summary>What decides one run's figures beside its key: these settings without the lists that make the grid and where the pictures lie.</summary>
    [JsonIgnore]
    public SearchSettings OfOneRun => this with { Losses = [], Memories = [], BatchSizes = [], LearningRates = [], Tuned = false, Seeds = [], Source = null, Structures = null };

    /// <summary>All runs, the losses of a seed beside each other, so that an early look compares like with like. SigLIP has no memory.</summary>
    [JsonIgnore]
    public IReadOnlyList<SearchKey> Grid
        => [.. from seed in Seeds
               from batch in BatchSizes
               from rate in LearningRates.Count == 0 ? [null] : LearningRates.Select(rate => (double?)rate)
               from structure in (IReadOnlyList<SearchStructure?>?)Structures ?? [null]
               from loss in Losses
               from memory in Memories
               where memory == 0 || SearchLosses.TakesMemory(loss)
               select new SearchKey(loss, memory, batch, rate, seed, structure)];

    /// <summary>So many that all batch sizes see the same number of samples.</summary>
    public long Steps(int batchSize, int items) => Math.Max(1, (long)Math.Round((double)Epochs * items / batchSize));
}
