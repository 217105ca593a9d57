namespace Contrastive;

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
    /// They are in the batch by chance, like the negatives (labels): only the pair (i, i), if it is a positive, is known to
    /// be there, and all others stand for the rest, with weight (N - known) / others, known being 1 or 0.
    /// </summary>
    Sampled,
}
