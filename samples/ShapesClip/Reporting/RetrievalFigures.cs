using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>How well one modality finds its partners in the other.</summary>
public sealed record DirectionFigures(double RecallAt1, double RecallAt5, double RecallAt10, double Mrr, double MeanRank)
{
    // R@k of pictures and captions: any match among the first k.
    internal static DirectionFigures Of(RankingReport scores)
        => new(scores.HitRateAt[1], scores.HitRateAt[5], scores.HitRateAt[10], scores.MeanReciprocalRank, scores.MeanRank);
}

/// <summary>Both directions, and how many pairs were searched.</summary>
public sealed record RetrievalFigures(int Candidates, DirectionFigures ImageToText, DirectionFigures TextToImage)
{
    /// <summary>The mean of both directions.</summary>
    public double RecallAt1 => (ImageToText.RecallAt1 + TextToImage.RecallAt1) / 2;

    public double RecallAt5 => (ImageToText.RecallAt5 + TextToImage.RecallAt5) / 2;

    public double RecallAt10 => (ImageToText.RecallAt10 + TextToImage.RecallAt10) / 2;

    public double Mrr => (ImageToText.Mrr + TextToImage.Mrr) / 2;

    public double MeanRank => (ImageToText.MeanRank + TextToImage.MeanRank) / 2;

    public static RetrievalFigures Of(Tensor images, Tensor texts)
    {
        var report = Retrieval.Evaluate(images, texts);
        return new RetrievalFigures((int)images.shape[0], DirectionFigures.Of(report.LeftToRight), DirectionFigures.Of(report.RightToLeft));
    }
}
