using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// One direction for each class from its prompts: w_c = unit(mean_p unit(e_p)) (Radford et al. 2021, §3.1.4).
/// </summary>
internal static class PromptEnsemble
{
    /// <param name="prompts">(P, D), class by class.</param>
    /// <param name="counts">How many prompts each class has, at least 1.</param>
    /// <returns>(C, D), rows at length 1; a zero row where the prompts of a class cancel, up to rounding.</returns>
    public static Tensor Weights(Tensor prompts, long[] counts)
    {
        using var scope = NewDisposeScope();
        if (counts.All(count => count == 1))
            return FeatureRows.Prepare(prompts, normalize: true).MoveToOuterDisposeScope();

        // In float64, so that what is left of prompts that cancel is not the rounding of their lengths.
        var type = UnitRows.ComputeType(prompts.dtype);
        var weights = empty(counts.Length, prompts.shape[1], dtype: type, device: prompts.device);
        using var rounding = FeatureRows.TieTolerance(weights).ToScalar();
        long start = 0;
        for (int number = 0; number < counts.Length; number++)
        {
            using var one = NewDisposeScope();
            var unit = FeatureRows.Prepare(FeatureRows.Exact(prompts.narrow(0, start, counts[number])), normalize: true);
            var mean = unit.mean([0], keepdim: true);
            var cancelled = FeatureRows.Lengths(mean).le(rounding).unsqueeze(1);
            var weight = FeatureRows.Prepare(mean.masked_fill(cancelled, Scalars.Zero), normalize: true);
            weights.narrow(0, number, 1).copy_(weight);
            start += counts[number];
        }

        return weights.MoveToOuterDisposeScope();
    }
}
