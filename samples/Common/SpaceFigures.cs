using static TorchSharp.torch;

namespace Contrastive.Samples;

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
