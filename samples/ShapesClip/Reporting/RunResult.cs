using System.Text.Json.Serialization;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The figures of one run.</summary>
/// <param name="Structure">What was asked of the space beside it.</param>
/// <param name="Shape">Zero-shot on test pictures, among 10.</param>
/// <param name="Colour">The same, of the colour.</param>
/// <param name="Seen">The same, of both among 100.</param>
/// <param name="HeldOut">Shape and colour among all 100, on pictures of combinations that training never saw.</param>
/// <param name="Retrieval">Pictures are left and captions right. Test pairs, no two with the same shape, colour, size and place.</param>
/// <param name="HeldOutRetrieval">The same with combinations that training never saw.</param>
/// <param name="Probes">Of every attribute, from every set of features.</param>
public sealed record RunResult(
    string Loss,
    string Structure,
    int BatchSize,
    long Seed,
    ZeroShotScores Shape,
    ZeroShotScores Colour,
    ZeroShotScores Seen,
    ZeroShotScores HeldOut,
    PairFigures Retrieval,
    PairFigures HeldOutRetrieval,
    IReadOnlyList<AttributeProbe> Probes,
    RunCurves Curves)
    : IFinishedRun
{
    [JsonIgnore]
    public RunKey Key => new(Structure, Loss, BatchSize, Seed);

    [JsonIgnore]
    public double Seconds => Curves.Seconds;

    /// <summary>The probe of an attribute. A run without independent features has its shared ones under the plain name.</summary>
    public AttributeProbe Probe(AttributeKind kind, string features)
        => Probes.SingleOrDefault(probe => probe.Attribute == kind.Name && probe.Features == features)
            ?? Probes.Single(probe => probe.Attribute == kind.Name && $"{probe.Features} shared" == features);
}
