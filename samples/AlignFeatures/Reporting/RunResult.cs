using System.Text.Json.Serialization;
using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>How well one side finds its partners on the other, and its labels (null without labels).</summary>
public sealed record Direction(double RecallAt1, double RecallAt5, double RecallAt10, double Mrr, double? Map);

/// <summary>Every figure on the held-out items; those without a direction are the mean of both.</summary>
public record HeldOut(Direction LeftToRight, Direction RightToLeft, double ModalityGap, double Alignment, double Uniformity)
{
    public double RecallAt1 => (LeftToRight.RecallAt1 + RightToLeft.RecallAt1) / 2;

    public double RecallAt5 => (LeftToRight.RecallAt5 + RightToLeft.RecallAt5) / 2;

    public double RecallAt10 => (LeftToRight.RecallAt10 + RightToLeft.RecallAt10) / 2;

    public double Mrr => (LeftToRight.Mrr + RightToLeft.Mrr) / 2;

    public double? Map => (LeftToRight.Map + RightToLeft.Map) / 2;

    /// <param name="left">(N, E) embeddings.</param>
    /// <param name="right">(N, E) embeddings, row i the partner of row i.</param>
    /// <param name="labels">(N) class ids, or null.</param>
    public static HeldOut Measure(Tensor left, Tensor right, Tensor? labels)
    {
        var retrieval = Retrieval.Evaluate(left, right);
        var space = SpaceFigures.Of(left, right);
        return new HeldOut(
            Of(retrieval.LeftToRight, left, right), Of(retrieval.RightToLeft, right, left), space.ModalityGap, space.Alignment, space.Uniformity);

        Direction Of(RankingReport scores, Tensor queries, Tensor candidates) => new(
            scores.RecallAt[1],
            scores.RecallAt[5],
            scores.RecallAt[10],
            scores.MeanReciprocalRank,
            labels is null ? null : Retrieval.OneWay(queries, labels, candidates, labels).MeanAveragePrecision);
    }
}

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
    Direction LeftToRight,
    Direction RightToLeft,
    double ModalityGap,
    double Alignment,
    double Uniformity)
    : HeldOut(LeftToRight, RightToLeft, ModalityGap, Alignment, Uniformity)
{
    public static RunResult Of(RunKey key, HeldOut held, IReadOnlyList<ProbeResult> probes, double seconds) => new(
        key.Loss, key.Structure, key.BatchSize, key.Seed, seconds, probes,
        held.LeftToRight, held.RightToLeft, held.ModalityGap, held.Alignment, held.Uniformity);

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
