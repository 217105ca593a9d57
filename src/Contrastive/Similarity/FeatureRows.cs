using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Features on their way into a similarity.</summary>
internal static class FeatureRows
{
    public static Tensor Prepare(Tensor features, SimilarityMeasure measure)
        => UnitRows.Prepare(features, measure == SimilarityMeasure.Cosine);

    /// <summary>Refuses features (N, D) that must not reach an estimator's state. Waits for the device.</summary>
    public static void CheckFinite(Tensor features, string name)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        // The sum of finite numbers is finite, or so large that it takes a closer look.
        if (features.SumAll().isfinite().item<bool>()) return;
        var finite = features.isfinite().all(1);
        if (finite.all().item<bool>()) return;
        var row = finite.logical_not().nonzero()[0, 0].item<long>();
        throw new ArgumentException($"{name} are not finite in row {row}; nothing was changed", name);
    }
}
