using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Features on their way into a similarity.</summary>
internal static class Features
{
    public static Tensor Prepare(Tensor features, SimilarityMeasure measure)
        => UnitRows.Prepare(features, measure == SimilarityMeasure.Cosine);
}
