using static TorchSharp.torch;

namespace Contrastive;

/// <summary>InfoNCE with negatives of the caller's choice: the positives' similarities come apart from the negatives'.</summary>
internal static class ExplicitNegatives
{
    /// <summary>s_ip = ⟨a_i, p_i⟩ / τ, (N), with a graph.</summary>
    public static Tensor PositiveLogits(Tensor anchors, Tensor positives, SimilarityMeasure measure, Temperature temperature)
        => temperature.Scale(FeatureRows.Prepare(anchors, measure)).mul(FeatureRows.Prepare(positives, measure)).sum(dim: 1);

    /// <summary>The sums over each anchor's own negatives (N, M, D). With a graph; nothing here is larger than they are.</summary>
    public static (Tensor LogNegatives, Tensor Count) Own(
        Tensor anchors, Tensor negatives, PairMap? pairs, SimilarityMeasure measure, Temperature temperature)
    {
        var a = temperature.Scale(FeatureRows.Prepare(anchors, measure));
        var logits = FeatureRows.Prepare(negatives, measure).matmul(a.unsqueeze(2)).squeeze(2);    // (N, M)
        var map = pairs ?? PairMap.Negatives(logits.shape[0], logits.shape[1]);
        var whole = new PairBlock(0, logits.shape[0], 0, logits.shape[1]);
        map.AddBias(logits, whole);
        var kinds = TilePairs.Of(map, PositiveSampling.Complete);
        var sums = new WholeSums(logits.shape[0], logits);
        kinds.Sum(logits, whole, sums, null);
        return (sums.ToSums().LogSampled, kinds.Count([whole], logits.device, logits.dtype).Anchors.Sampled);
    }
}
