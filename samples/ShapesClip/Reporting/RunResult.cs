using System.Text.Json.Serialization;
using Contrastive.Samples.ShapesClip.Data;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>The figures of one run.</summary>
public sealed record RunResult : IFinishedRun
{
    public required string Loss { get; init; }

    public required string Structure { get; init; }

    public required int BatchSize { get; init; }

    public required long Seed { get; init; }

    /// <summary>Zero-shot on test pictures: shape among 10, colour among 10, both among 100.</summary>
    public required ZeroShotScores Shape { get; init; }

    public required ZeroShotScores Colour { get; init; }

    public required ZeroShotScores Seen { get; init; }

    /// <summary>Shape and colour among all 100, on pictures of combinations that training never saw.</summary>
    public required ZeroShotScores HeldOut { get; init; }

    /// <summary>Test pairs, no two with the same shape, colour, size and place.</summary>
    public required RetrievalFigures Retrieval { get; init; }

    /// <summary>The same with combinations that training never saw.</summary>
    public required RetrievalFigures HeldOutRetrieval { get; init; }

    public required double ModalityGap { get; init; }

    public required double Alignment { get; init; }

    public required double Uniformity { get; init; }

    public required IReadOnlyList<AttributeProbe> Probes { get; init; }

    public required RunCurves Curves { get; init; }

    [JsonIgnore]
    public RunKey Key => new(Structure, Loss, BatchSize, Seed);

    [JsonIgnore]
    public double Seconds => Curves.Seconds;

    /// <summary>The probe of an attribute. A run without independent features has its shared ones under the plain name.</summary>
    public AttributeProbe Probe(AttributeKind kind, string features)
        => Probes.SingleOrDefault(probe => probe.Attribute == kind.Name && probe.Features == features)
            ?? Probes.Single(probe => probe.Attribute == kind.Name && $"{probe.Features} shared" == features);
}
