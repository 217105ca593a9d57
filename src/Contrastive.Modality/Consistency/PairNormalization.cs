namespace Contrastive.Modality;

/// <summary>What a sum over all pairs of N items is divided by.</summary>
public enum PairNormalization
{
    /// <summary>N, as published (and in CyCLIP): the loss grows with the batch, as many pairs as an item has.</summary>
    Items,

    /// <summary>N²: a mean over pairs, the same at any batch size.</summary>
    Pairs,
}
