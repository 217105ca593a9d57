using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A rectangle of the anchors × candidates matrix.</summary>
internal readonly record struct PairBlock(long FirstAnchor, long Anchors, long FirstCandidate, long Candidates)
{
    public PairBlock Transpose() => new(FirstCandidate, Candidates, FirstAnchor, Anchors);

    /// <summary>The block as a part of another one, in the coordinates of the whole.</summary>
    public PairBlock Within(PairBlock outer) => this with { FirstAnchor = outer.FirstAnchor + FirstAnchor, FirstCandidate = outer.FirstCandidate + FirstCandidate };

    /// <summary>The rows of the block's anchors.</summary>
    public Tensor AnchorsOf(Tensor rows) => rows.narrow(0, FirstAnchor, Anchors);

    /// <summary>The rows of the block's candidates.</summary>
    public Tensor CandidatesOf(Tensor rows) => rows.narrow(0, FirstCandidate, Candidates);
}
