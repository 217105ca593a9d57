using System.Globalization;
using System.Text.Json.Serialization;

namespace Contrastive.Samples.ImageSearch.Reporting;

/// <summary>Accuracies of linear probes; null where they could not be made.</summary>
internal sealed record ProbeScores(double? Probe1, double? Probe5, double? Probe10, double? ProbeFull);

/// <summary>The figures of a finished run.</summary>
internal sealed record SearchResult
{
    public required string Loss { get; init; }

    /// <summary>K at the largest step size; 0 without a memory.</summary>
    public required int Memory { get; init; }

    public required int BatchSize { get; init; }

    public required long Seed { get; init; }

    /// <summary>Of the items scored: how often a picture finds one of its captions first, and a caption its picture; the mean of both directions.</summary>
    public required double RecallAt1 { get; init; }

    /// <summary>Among the first five.</summary>
    public required double RecallAt5 { get; init; }

    public required double RecallAt10 { get; init; }

    /// <summary>How often a picture's category is the nearest of the categories' prompts; null without labels.</summary>
    public required double? ZeroShot { get; init; }

    /// <summary>Accuracy of a linear probe with one label a category; null without labels.</summary>
    public required double? Probe1 { get; init; }

    public required double? Probe5 { get; init; }

    public required double? Probe10 { get; init; }

    /// <summary>Of training alone.</summary>
    public required double Seconds { get; init; }

    /// <summary>The largest step size.</summary>
    public required double LearningRate { get; init; }

    public required double PictureToTextRecallAt1 { get; init; }

    public required double TextToPictureRecallAt1 { get; init; }

    /// <summary>The structure of a run with <c>--structure</c>; null without the option.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Structure { get; init; }

    /// <summary>Accuracy of a linear probe with all labels, of a run with <c>--structure</c>; null without labels.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ProbeFull { get; init; }

    /// <summary>The probes on the shared features with the independent ones beside them, twice as wide; null where there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ProbeScores? WithIndependent { get; init; }

    [JsonIgnore]
    public string Summary => string.Create(CultureInfo.InvariantCulture, $"recall@1 {RecallAt1:F3}, {Seconds:F0} s");
}
