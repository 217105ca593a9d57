using System.Globalization;
using System.Text.Json.Serialization;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>One run.</summary>
/// <param name="Loss">One of <see cref="SearchLosses.Names"/>.</param>
/// <param name="Memory">K at the largest step size; 0 without a memory.</param>
/// <param name="BatchSize">B.</param>
/// <param name="LearningRate">The largest; null for the rule.</param>
/// <param name="Seed">Of first weights, batches and what is drawn.</param>
/// <param name="Structure">What is asked of the space beside; null where nobody has asked. It is then no part of the run's line.</param>
internal sealed record SearchKey(
    string Loss,
    int Memory,
    int BatchSize,
    double? LearningRate,
    long Seed,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] SearchStructure? Structure = null)
{
    // The rule's step size for batches of 16; it goes with the square root of the batch size, as Adam's noise asks.
    private const double ReferenceRate = 0.002;
    private const double ReferenceBatch = 16;

    [JsonIgnore]
    public double Rate => LearningRate ?? ReferenceRate * Math.Sqrt(BatchSize / ReferenceBatch);

    /// <summary>What it is trained with, whatever the batch size, the step size and the seed.</summary>
    [JsonIgnore]
    public string Objective => $"{(Memory == 0 ? Loss : $"{Loss} + memory {Memory}")}{(Structure is null ? "" : $", {Structure}")}";

    /// <summary>As a folder is named for it.</summary>
    [JsonIgnore]
    public string FileName => string.Create(
        CultureInfo.InvariantCulture, $"{Loss}-m{Memory}-b{BatchSize}{(LearningRate is { } rate ? $"-lr{rate}" : "")}{(Structure is null ? "" : $"-{Structure.FileName}")}-s{Seed}");

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Objective} B={BatchSize}{(LearningRate is { } rate ? $" lr={rate}" : "")} seed {Seed}");
}
