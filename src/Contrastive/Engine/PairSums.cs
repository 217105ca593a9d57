using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What the losses need of each anchor's similarities, (n): log Σ_known exp(s), log Σ_sampled exp(s) and Σ_positive s.</summary>
internal readonly record struct PairSums(Tensor LogKnown, Tensor LogSampled, Tensor PositiveLogits)
{
    public PairSums Detach() => new(LogKnown.detach(), LogSampled.detach(), PositiveLogits.detach());
}
