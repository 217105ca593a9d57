using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>How well one side finds its partners on the other, and its labels (null without labels).</summary>
public sealed record Direction(double RecallAt1, double RecallAt5, double RecallAt10, double Mrr, double MeanRank, double? Map);

/// <summary>Every figure on held-out pairs; those without a direction are the mean of both.</summary>
/// <param name="Candidates">How many pairs were searched.</param>
public record PairFigures(int Candidates, Direction LeftToRight, Direction RightToLeft, double ModalityGap, double Alignment, double Uniformity)
{
    public double RecallAt1 => (LeftToRight.RecallAt1 + RightToLeft.RecallAt1) / 2;

    public double RecallAt5 => (LeftToRight.RecallAt5 + RightToLeft.RecallAt5) / 2;

    public double RecallAt10 => (LeftToRight.RecallAt10 + RightToLeft.RecallAt10) / 2;

    public double Mrr => (LeftToRight.Mrr + RightToLeft.Mrr) / 2;

    public double MeanRank => (LeftToRight.MeanRank + RightToLeft.MeanRank) / 2;

    public double? Map => (LeftToRight.Map + RightToLeft.Map) / 2;

    /// <param name="left">(N, E) embeddings.</param>
    /// <param name="right">(N, E) embeddings, row i the partner of row i.</param>
    /// <param name="labels">(N) class ids, or null.</param>
    public static PairFigures Measure(Tensor left, Tensor right, Tensor? labels = null)
    {
        var retrieval = Retrieval.Evaluate(left, right);
        var space = SpaceFigures.Of(left, right);
        return new PairFigures(
            (int)left.shape[0], Of(retrieval.LeftToRight, left, right), Of(retrieval.RightToLeft, right, left), space.ModalityGap, space.Alignment, space.Uniformity);

        // R@k of pictures and captions: any match among the first k.
        Direction Of(RankingReport scores, Tensor queries, Tensor candidates) => new(
            scores.HitRateAt[1],
            scores.HitRateAt[5],
            scores.HitRateAt[10],
            scores.MeanReciprocalRank,
            scores.MeanRank,
            labels is null ? null : Retrieval.OneWay(queries, labels, candidates, labels).MeanAveragePrecision);
    }
}

/// <summary>How two modalities lie in their space. Uniformity is the mean of both sides'.</summary>
public sealed record SpaceFigures(double ModalityGap, double Alignment, double Uniformity)
{
    /// <param name="left">(N, E) embeddings.</param>
    /// <param name="right">(N, E) embeddings, row i the partner of row i.</param>
    public static SpaceFigures Of(Tensor left, Tensor right) => new(
        Evaluation.ModalityGap.Compute(left, right),
        Evaluation.Alignment.Compute(left, right),
        (Evaluation.Uniformity.Compute(left) + Evaluation.Uniformity.Compute(right)) / 2);
}
