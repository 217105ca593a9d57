using static TorchSharp.torch;

namespace Contrastive;

/// <summary>∂L/∂a and ∂L/∂b as tiles bring them, those that are wanted.</summary>
internal sealed class FeatureGradients
{
    public FeatureGradients(Tensor anchors, Tensor candidates, bool ofAnchors, bool ofCandidates)
    {
        if (ofAnchors) Anchors = empty_like(anchors);
        if (ofCandidates) Candidates = empty_like(candidates);
    }

    /// <summary>(N, D).</summary>
    public Tensor? Anchors { get; }

    /// <summary>(M, D).</summary>
    public Tensor? Candidates { get; }

    /// <summary>Adds what a tile's ∂L/∂s (n, m) says. The first tiles of a row and of a column overwrite what was there.</summary>
    public void Add(PairBlock block, Tensor weights, Tensor anchors, Tensor candidates)
    {
        var (a, b) = (block.AnchorsOf(anchors), block.CandidatesOf(candidates));
        if (Anchors is not null) block.AnchorsOf(Anchors).addmm_(weights, b, beta: block.FirstCandidate == 0 ? 0 : 1);
        if (Candidates is not null) block.CandidatesOf(Candidates).addmm_(weights.t(), a, beta: block.FirstAnchor == 0 ? 0 : 1);
    }
}
