namespace Contrastive;

/// <summary>A rectangle of the anchors × candidates matrix.</summary>
internal readonly record struct PairBlock(long FirstAnchor, long Anchors, long FirstCandidate, long Candidates)
{
    public PairBlock Transpose() => new(FirstCandidate, Candidates, FirstAnchor, Anchors);
}
