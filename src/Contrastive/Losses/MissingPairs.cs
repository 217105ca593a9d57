namespace Contrastive;

/// <summary>What to do with an anchor that has no positive or no negative, for which a contrastive loss is not defined.</summary>
/// <remarks>
/// InfoNCE needs no negative where an anchor has several positives outside the logarithm, which are contrasted with each other, nor
/// with <see cref="PairMap.FromLabels(TorchSharp.torch.Tensor)"/>, as published: a batch of a single class is fine.
/// </remarks>
public enum MissingPairs
{
    /// <summary>An <see cref="ArgumentException"/> that names the first such anchor.</summary>
    Throw,

    /// <summary>
    /// Such anchors count nothing: their loss is 0, means are taken over the others, and the result says how many there were.
    /// </summary>
    Skip,
}
