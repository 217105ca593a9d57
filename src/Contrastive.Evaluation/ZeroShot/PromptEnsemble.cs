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
        var unit = FeatureRows.Prepare(prompts, normalize: true);
        if (counts.All(count => count == 1))
            return unit.MoveToOuterDisposeScope();

        var means = empty(counts.Length, unit.shape[1], dtype: unit.dtype, device: unit.device);
        long start = 0;
        for (int number = 0; number < counts.Length; number++)
        {
            means.narrow(0, number, 1).copy_(unit.narrow(0, start, counts[number]).mean([0], keepdim: true));
            start += counts[number];
        }

        using var rounding = FeatureRows.Rounding(unit).ToScalar();
        var cancelled = FeatureRows.Lengths(means).le(rounding).unsqueeze(1);
        return FeatureRows.Prepare(means.masked_fill_(cancelled, Scalars.Zero), normalize: true).MoveToOuterDisposeScope();
    }
}
