namespace Contrastive.Evaluation;

/// <summary>What each neighbour's vote for its class counts.</summary>
public enum NeighborVote
{
    /// <summary>exp(s/τ), with s the similarity and τ the temperature.</summary>
    Weighted,

    /// <summary>1: the majority wins.</summary>
    Majority,
}
