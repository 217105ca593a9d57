using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>How well one side finds its partners on the other, and its labels (null without labels).</summary>
public sealed record Direction(double RecallAt1, double RecallAt5, double RecallAt10, double Mrr, double? Map);

/// <summary>Every figure on the held-out items. Uniformity is the mean of both sides'.</summary>
public sealed record HeldOut(Direction LeftToRight, Direction RightToLeft, double ModalityGap, double Alignment, double Uniformity)
{
    public double RecallAt1 => (LeftToRight.RecallAt1 + RightToLeft.RecallAt1) / 2;

    /// <param name="left">(N, E) embeddings.</param>
    /// <param name="right">(N, E) embeddings, row i the partner of row i.</param>
    /// <param name="labels">(N) class ids, or null.</param>
    public static HeldOut Measure(Tensor left, Tensor right, Tensor? labels)
    {
        var retrieval = Retrieval.Evaluate(left, right);
        return new HeldOut(
            Of(retrieval.LeftToRight, left, right),
            Of(retrieval.RightToLeft, right, left),
            Contrastive.Evaluation.ModalityGap.Compute(left, right),
            Contrastive.Evaluation.Alignment.Compute(left, right),
            (Contrastive.Evaluation.Uniformity.Compute(left) + Contrastive.Evaluation.Uniformity.Compute(right)) / 2);

        Direction Of(RankingReport scores, Tensor queries, Tensor candidates) => new(
            scores.RecallAt[1],
            scores.RecallAt[5],
            scores.RecallAt[10],
            scores.MeanReciprocalRank,
            labels is null ? null : Retrieval.OneWay(queries, labels, candidates, labels).MeanAveragePrecision);
    }
}
