using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>InfoNCE as it is usually written: whole matrices of logits, cross-entropies, and autograd.</summary>
internal static class PlainInfoNCE
{
    /// <summary>open_clip's ClipLoss: two products and two cross-entropies, a learned logit scale.</summary>
    public static BatchStep Symmetric(long batch, long dim) => Make(batch, dim, (images, texts, scale, labels) =>
    {
        var perImage = scale.mul(images).matmul(texts.t());
        var perText = scale.mul(texts).matmul(images.t());
        return nn.functional.cross_entropy(perImage, labels).Plus(nn.functional.cross_entropy(perText, labels)).Times(0.5);
    });

    /// <summary>The same with the operations it needs and no more: one product, whose transpose is the other direction.</summary>
    public static BatchStep OneProduct(long batch, long dim) => Make(batch, dim, (images, texts, scale, labels) =>
    {
        var logits = scale.mul(images).matmul(texts.t());
        return nn.functional.cross_entropy(logits, labels).Plus(nn.functional.cross_entropy(logits.t(), labels)).Times(0.5);
    });

    public static BatchStep OneDirection(long batch, long dim) => Make(batch, dim, (anchors, candidates, scale, labels)
        => nn.functional.cross_entropy(scale.mul(anchors).matmul(candidates.t()), labels));

    private static BatchStep Make(long batch, long dim, Func<Tensor, Tensor, Tensor, Tensor, Tensor> loss)
    {
        var features = Features.Make(batch, dim);
        var logScale = Features.LogScale();
        return BatchStep.Training(
            () => loss(
                Features.Unit(features[0]),
                Features.Unit(features[1]),
                logScale.exp(),
                TensorArithmetic.Range(0, batch, features[0].device)),
            [.. features, logScale],
            [.. features, logScale]);
    }
}
