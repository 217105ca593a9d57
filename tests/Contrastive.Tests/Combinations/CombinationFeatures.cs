using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>The features of one step, in memory as drawn.</summary>
/// <param name="Combination">The draw.</param>
/// <param name="Leaves">What gradients are taken by: the anchors and the candidates, or one tensor of both.</param>
internal sealed record CombinationFeatures(Combination Combination, Tensor[] Leaves)
{
    public Tensor Anchors => Combination.Layout == Layout.PartsOfOne ? Leaves[0].narrow(0, 0, Combination.Anchors) : Leaves[0];

    public Tensor Candidates => Combination.Layout switch
    {
        Layout.PartsOfOne => Leaves[0].narrow(0, Combination.Anchors, Combination.Candidates),
        Layout.One => Leaves[0],
        _ => Leaves[1],
    };

    /// <summary>The rows of two views.</summary>
    public Tensor Rows => cat([Anchors, Candidates]);

    public static CombinationFeatures Draw(Combination c, int step)
    {
        var (n, m, seed) = (c.Anchors, c.Candidates, c.Seed + (31 * step) + 5);
        Tensor[] values = c.Layout switch
        {
            Layout.PartsOfOne => [Values(seed, n + m)],
            Layout.One => [Values(seed, n)],
            _ => [Values(seed, n), Values(seed + 1, m)],
        };
        return new CombinationFeatures(c, [.. values.Select((value, index)
            => Laid(value).detach().requires_grad_(c.Wanted switch
            {
                Wanted.Both or Wanted.NoGraph => true,
                Wanted.OfAnchors => index == 0,
                Wanted.OfCandidates => index == 1,
                _ => false,
            }))]);

        Tensor Values(int from, int rows)
        {
            var drawn = Contrastive.TestSupport.Draw.Normal(from, rows, c.Width);
            // Lengths do not matter to cosines; the dot product is kept from growing beyond what features have.
            return (c.Similarity == SimilarityMeasure.Cosine
                ? drawn * Contrastive.TestSupport.Draw.Normal(from + 2, rows, 1).exp()
                : drawn.Times(1 / Math.Sqrt(c.Width))).to(c.DType);
        }

        Tensor Laid(Tensor rows) => c.Layout switch
        {
            Layout.Transposed => rows.t().contiguous().t(),
            Layout.Sliced => cat([rows, rows.Times(7), rows.Plus(3)], 1).narrow(1, 0, c.Width),
            _ => rows,
        };
    }

    /// <summary>The same in float64, with leaves of their own.</summary>
    public CombinationFeatures Exact()
        => this with { Leaves = [.. Leaves.Select(leaf => leaf.detach().to(ScalarType.Float64).clone().requires_grad_())] };

    /// <summary>The size of the terms that make up the gradient of each row of the leaves.</summary>
    /// <param name="terms">(N, M), of ∂L/∂s.</param>
    /// <param name="temperature">τ.</param>
    public Tensor[] Sizes(Tensor terms, Tensor temperature)
    {
        var isCosine = Combination.Similarity == SimilarityMeasure.Cosine;
        var (anchors, candidates) = Combination.Mode == ContrastMode.TwoViews ? (Rows, Rows) : (Anchors, Candidates);
        var ofAnchors = Of(terms, anchors, candidates);
        var ofCandidates = Of(terms.t(), candidates, anchors);
        if (Combination.Mode == ContrastMode.TwoViews)
        {
            var views = ofAnchors.Plus(ofCandidates).chunk(2);
            (ofAnchors, ofCandidates) = (views[0], views[1]);
        }
        return Combination.Layout switch
        {
            Layout.PartsOfOne => [cat([ofAnchors, ofCandidates])],
            Layout.One => [ofAnchors.Plus(ofCandidates)],
            _ => [ofAnchors, ofCandidates],
        };

        // ∂L/∂a_i = Σ_j ∂L/∂s_ij b_j / τ, of unit rows across a_i and by its length.
        Tensor Of(Tensor weights, Tensor rows, Tensor others)
        {
            var sums = weights.matmul(isCosine ? ones(others.shape[0], dtype: ScalarType.Float64) : Lengths(others)) / temperature.detach();
            return isCosine ? sums / Lengths(rows) : sums;
        }

        static Tensor Lengths(Tensor rows)
        {
            var wide = rows.detach().to(ScalarType.Float64);
            return (wide * wide).sum(1L).sqrt();
        }
    }
}
