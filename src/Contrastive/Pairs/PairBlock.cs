using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A rectangle of the anchors × candidates matrix.</summary>
internal readonly record struct PairBlock(long FirstAnchor, long Anchors, long FirstCandidate, long Candidates)
{
    public PairBlock Transpose() => new(FirstCandidate, Candidates, FirstAnchor, Anchors);

    /// <summary>The block as a part of another one, in the coordinates of the whole.</summary>
    public PairBlock Within(PairBlock outer) => this with { FirstAnchor = outer.FirstAnchor + FirstAnchor, FirstCandidate = outer.FirstCandidate + FirstCandidate };

    /// <summary>The rows of the block's anchors: a view, or the tensor itself where that is all of them.</summary>
    public Tensor AnchorsOf(Tensor rows) => Run(rows, FirstAnchor, Anchors);

    /// <summary>The rows of the block's candidates, likewise.</summary>
    public Tensor CandidatesOf(Tensor rows) => Run(rows, FirstCandidate, Candidates);

    /// <summary>A run of rows, likewise.</summary>
    public static Tensor Run(Tensor rows, long first, long count) => rows.size(0) == count ? rows : rows.narrow(0, first, count);
}
