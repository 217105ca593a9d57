using System.Text.Json.Serialization;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>The figures of one run as the summary has them.</summary>
/// <param name="Structure">What was asked of the space beside the contrastive loss.</param>
/// <param name="Probes">Empty where the run was not probed.</param>
public sealed record RunResult(
    string Loss,
    string Structure,
    int BatchSize,
    long Seed,
    double Seconds,
    IReadOnlyList<ProbeResult> Probes,
    int Candidates,
    Direction LeftToRight,
    Direction RightToLeft,
    double ModalityGap,
    double Alignment,
    double Uniformity)
    : PairFigures(Candidates, LeftToRight, RightToLeft, ModalityGap, Alignment, Uniformity)
{
    public static RunResult Of(RunKey key, PairFigures held, IReadOnlyList<ProbeResult> probes, double seconds) => new(
        key.Loss, key.Structure, key.BatchSize, key.Seed, seconds, probes,
        held.Candidates, held.LeftToRight, held.RightToLeft, held.ModalityGap, held.Alignment, held.Uniformity);

    /// <summary>The probe of some features. A run without independent features has those with which shared ones, or all of a side, compare.</summary>
    public ProbeResult Probe(string features)
        => Probes.SingleOrDefault(probe => probe.Features == features)
            ?? Probes.Single(probe => probe.Features == (features == "shared" ? "both" : features.Replace(" all", "", StringComparison.Ordinal)));
}

/// <summary>A finished run: its figures and its curves.</summary>
public sealed record FinishedRun(RunResult Result, RunCurves Curves) : IFinishedRun
{
    [JsonIgnore]
    public RunKey Key => new(Result.Structure, Result.Loss, Result.BatchSize, Result.Seed);
}
