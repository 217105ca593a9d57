using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>A linear classifier: its parameters, and the scaling of features they were fitted with.</summary>
internal sealed class LinearModel(FeatureScaling scaling, double[] point, long classes)
{
    private const long TileElements = 1 << 21;

    /// <summary>
    /// How often the largest logit is the label's, and the mean cross-entropy -log p(label), of rows (N, D) with labels (N)
    /// from 0 to C - 1. A label of -1 is of a class the model does not know: never right; the cross-entropy is then of no use.
    /// </summary>
    public (bool[] Hits, double CrossEntropy) Score(Tensor features, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long rows = features.shape[0];
        var hits = zeros(rows, dtype: ScalarType.Bool);
        double sum = 0;
        var parameters = tensor(point, dtype: ScalarType.Float64).reshape(classes, -1);
        foreach (var (start, length) in Runs.Of(rows, Chunks.Size(null, classes + features.shape[1], TileElements)))
        {
            using var tile = NewDisposeScope();
            var logits = scaling.Apply(features.narrow(0, start, length)).matmul(parameters.t());     // (length, C)
            var target = labels.narrow(0, start, length);
            hits.narrow(0, start, length).copy_(logits.argmax(1).eq(target));
            var own = logits.gather(1, target.clamp_min(Scalars.ZeroIndex).unsqueeze(1)).squeeze(1);
            sum += (logits.logsumexp(1) - own).SumAll().item<double>();
        }

        return (hits.data<bool>().ToArray(), sum / rows);
    }
}
