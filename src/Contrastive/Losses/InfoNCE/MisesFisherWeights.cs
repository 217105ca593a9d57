using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The weights of positives of the weighted decoupled loss (DCL-W, C.-H. Yeh et al., "Decoupled Contrastive Learning", ECCV 2022,
/// section 3.2): w_i = 2 - exp(⟨a_i, b_p⟩ / σ) / mean_k exp(⟨a_k, b_p⟩ / σ), the mean over the anchors that count. A gradient
/// is taken through them.
/// </summary>
/// <param name="similarities">⟨a_i, b_p⟩ of each anchor with its positive, (n), without τ, with its graph.</param>
/// <param name="sigma">σ.</param>
internal sealed class MisesFisherWeights(Tensor similarities, double sigma)
{
    private Tensor? _weights;

    /// <summary>Whether the loss gives the derivatives by the weights, so that what it makes of them needs no graph.</summary>
    public bool IsOwnInput { get; set; }

    /// <summary>The weights, (n); they mean nothing for skipped anchors.</summary>
    public Tensor Of(SkippedAnchors skipped)
    {
        var exponents = similarities.Times(1 / sigma);
        var count = similarities.shape[0] - skipped.Count;
        if (skipped.Mask is { } mask && count > 0) exponents = exponents.masked_fill(mask, Scalars.NegativeInfinity);
        _weights = exponents.softmax(0).Times(-count).Plus(2);
        return IsOwnInput ? _weights.detach() : _weights;
    }

    /// <summary>The weights as an input of the loss, with the derivatives by them.</summary>
    public (Tensor Input, Tensor Derivative) Leaf(SumDerivatives derivatives) => (_weights!, derivatives.PositiveWeights!);

    /// <summary>The similarity of each row with its positive, (n); 0 where it has none.</summary>
    /// <param name="rows">(n, D), with a graph.</param>
    /// <param name="others">(m, D), with a graph.</param>
    /// <param name="map">Their pairs; positives lie on diagonals, one to a row.</param>
    public static Tensor Similarities(Tensor rows, Tensor others, PairMap map)
    {
        var block = new PairBlock(0, map.AnchorCount, 0, map.CandidateCount);
        var parts = new List<Tensor>();
        var next = 0L;
        foreach (var segment in DiagonalSegment.Of(map.PositiveDiagonals!, block).OrderBy(segment => segment.Row))
        {
            Skip(segment.Row - next);
            parts.Add(rows.narrow(0, segment.Row, segment.Count).mul(others.narrow(0, segment.Column, segment.Count)).sum(dim: 1));
            next = segment.Row + segment.Count;
        }
        Skip(map.AnchorCount - next);
        return parts.Count == 1 ? parts[0] : cat(parts);

        void Skip(long count)
        {
            if (count > 0) parts.Add(zeros(count, dtype: rows.dtype, device: rows.device));
        }
    }
}
