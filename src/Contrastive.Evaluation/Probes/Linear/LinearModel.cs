using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>A linear classifier: its parameters, and the scaling of features they were fitted with.</summary>
internal sealed class LinearModel(FeatureScaling scaling, double[] point, long classes)
{
    private const long TileElements = 1 << 21;

    /// <summary>
    /// Classes that the training rows do not tell apart have equal parameters on paper, and nearly so after the fit. What is nearer
    /// than this in relation to the terms of a logit is well below what a fit can tell, which ends some 10⁻⁵ from the minimum.
    /// </summary>
    private const double Rounding = 1e-9;

    /// <summary>
    /// How right the largest logit is, 1 or 0, or where c classes share it and the label is one of them 1/c; and the mean
    /// cross-entropy -log p(label), of rows (N, D) with labels (N) from 0 to C - 1. A label of -1 is of a class the model does not
    /// know: never right; the cross-entropy is then of no use.
    /// </summary>
    public (double[] Hits, double CrossEntropy) Score(Tensor features, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long rows = features.shape[0];
        var hits = zeros(rows, dtype: ScalarType.Float64);
        double sum = 0;
        var parameters = tensor(point, dtype: ScalarType.Float64).reshape(classes, -1);
        var magnitudes = parameters.abs().t();
        foreach (var (start, length) in Runs.Of(rows, Chunks.Size(null, classes + features.shape[1], TileElements)))
        {
            using var tile = NewDisposeScope();
            var design = scaling.Apply(features.narrow(0, start, length));
            var logits = design.matmul(parameters.t());                                               // (length, C)
            var target = labels.narrow(0, start, length).unsqueeze(1);
            var known = target.clamp_min(Scalars.ZeroIndex);
            // Of the largest of Σ_j |w_cj x_j|; where all parameters are next to nothing, of 1.
            var tolerance = design.abs().matmul(magnitudes).amax([1], keepdim: true).Times(Rounding).Plus(FeatureRows.TieTolerance(design));
            var best = logits.ge(logits.amax([1], keepdim: true) - tolerance);
            var right = best.gather(1, known).logical_and_(target.ge(Scalars.ZeroIndex)).squeeze(1);
            hits.narrow(0, start, length).copy_(right.to_type(ScalarType.Float64) / best.sum(dim: 1).clamp_min(Scalars.OneIndex));
            sum += (logits.logsumexp(1) - logits.gather(1, known).squeeze(1)).SumAll().item<double>();
        }

        return (hits.data<double>().ToArray(), sum / rows);
    }
}
