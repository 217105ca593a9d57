using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The law of the auxiliary variable given the features: u_i ~ Gamma(shape k_i, rate Ẑ_i).</summary>
internal static class GammaPosterior
{
    /// <summary>log(u_i / k_i), (m), as chosen. In log space: log ε_i - log Ẑ_i with ε_i ~ Gamma(k_i, 1).</summary>
    public static Tensor LogWeights(Tensor logPartition, Tensor positiveCount, EStep step, Generator? generator)
    {
        if (step == EStep.PosteriorMean) return logPartition.neg();

        using var draw = _standard_gamma(positiveCount, generator);
        return draw.log().sub(positiveCount.log()).sub(logPartition);
    }
}
