using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The pairs of a block by the sum they enter: the numerator's have a linear term; in the denominator positives
/// count once each, and negatives stand for others of the population as well; all other pairs are excluded. An anchor's positives are
/// the numerator, but for <see cref="PositiveSampling.Sampled"/>, where the denominator counts most of them with the negatives.
/// Bool masks (anchors, candidates).
/// </summary>
internal readonly record struct PairMasks(Tensor Numerator, Tensor Positives, Tensor Negatives);

/// <summary>How many candidates each of an anchor's sums has, (n), in the dtype of the sums.</summary>
internal readonly record struct PairCounts(Tensor Positives, Tensor Negatives, Tensor Numerator)
{
    /// <summary>How many negatives each anchor has, where every one has as many and a single positive; else null.</summary>
    public long? NegativesOfEach { get; init; }

    public PairCounts Copy() => this with { Positives = Positives.clone(), Negatives = Negatives.clone(), Numerator = Numerator.clone() };

    public PairCounts Select(Tensor rows) => this with
    {
        Positives = Positives.index_select(0, rows),
        Negatives = Negatives.index_select(0, rows),
        Numerator = Numerator.index_select(0, rows),
    };
}

/// <summary>
/// How an anchor's positives came into the batch, which decides what stands for the rest of the population in Ẑ_i. It makes
/// no difference where the only positive is the pair (i, i).
/// </summary>
public enum PositiveSampling
{
    /// <summary>
    /// The batch holds all of them (the captions of a picture, its views): they count once each, and the batch's negatives
    /// stand for every other candidate, with weight (N - k) / negatives.
    /// </summary>
    Complete,

    /// <summary>
    /// They are in the batch by chance, like the negatives (labels): only the pair (i, i), if it is a positive, is there
    /// for certain, and all others stand for the rest, with weight (N - own) / others, own being 1 or 0.
    /// </summary>
    Sampled,
}
