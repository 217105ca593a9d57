using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The weights of positives of the weighted decoupled loss (DCL-W, C.-H. Yeh et al., "Decoupled Contrastive Learning", ECCV 2022,
/// section 3.2): w_i = 2 - exp(⟨a_i, b_p⟩ / σ) / mean_k exp(⟨a_k, b_p⟩ / σ), the mean over the anchors that count. A gradient
/// is taken through them.
/// </summary>
internal sealed class MisesFisherWeights
{
    private readonly Tensor _similarities;
    private readonly double _sigma;
    private readonly ProductRows? _rows;
    private readonly LogitScale _scale;
    private readonly DiagonalSegment[] _segments = [];
    private readonly bool _transposed;
    private (Tensor Shares, long Count) _softmax;
    private Tensor? _weights;

    /// <param name="similarities">⟨a_i, b_p⟩ of each anchor with its positive, (n), without τ, with its graph.</param>
    /// <param name="sigma">σ.</param>
    public MisesFisherWeights(Tensor similarities, double sigma) => (_similarities, _sigma) = (similarities, sigma);

    /// <summary>The weights of one direction of a matrix.</summary>
    /// <param name="matrix">The similarities.</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="map">The pairs; positives lie on diagonals, one to a row.</param>
    /// <param name="sigma">σ.</param>
    /// <param name="transposed">Whether the candidates are the anchors.</param>
    public MisesFisherWeights(SimilarityMatrix matrix, LogitScale scale, PairMap map, double sigma, bool transposed)
    {
        (_sigma, _rows, _scale, _transposed) = (sigma, matrix.Rows, scale, transposed);
        IsOwnInput = matrix.NeedsPullBack;
        if (transposed) map = map.Transpose();
        var whole = new PairBlock(0, map.AnchorCount, 0, map.CandidateCount);
        using var constant = _rows is null ? null : no_grad();
        var (left, right) = _rows is null ? (matrix.Anchors.WithGraph(), matrix.Candidates.WithGraph()) : (_rows.Left, _rows.Right);
        _segments = [.. DiagonalSegment.Of(map.PositiveDiagonals!, whole).OrderBy(segment => segment.Row).SelectMany(segment => PartsOf(segment, left.size(1)))];
        // 0 where a row has no positive.
        var parts = new List<Tensor>();
        var next = 0L;
        foreach (var segment in _segments)
        {
            Skip(segment.Row - next);
            var (first, second) = Places(segment);
            parts.Add(left.narrow(0, first, segment.Count).mul(right.narrow(0, second, segment.Count)).sum(dim: 1));
            next = segment.Row + segment.Count;
        }
        Skip(map.AnchorCount - next);
        var products = parts.Count == 1 ? parts[0] : cat(parts);
        _similarities = _rows is null ? products : scale.Undo(products);

        void Skip(long count)
        {
            if (count > 0) parts.Add(zeros(count, dtype: left.dtype, device: left.device));
        }
    }

    /// <summary>Whether the loss gives the derivatives by the weights, so that what it makes of them needs no graph.</summary>
    public bool IsOwnInput { get; set; }

    /// <summary>The weights, (n); they mean nothing for skipped anchors.</summary>
    public Tensor Of(SkippedAnchors skipped)
    {
        var exponents = _similarities.Times(1 / _sigma);
        var count = _similarities.shape[0] - skipped.Count;
        if (skipped.Mask is { } mask && count > 0) exponents = exponents.masked_fill(mask, Scalars.NegativeInfinity);
        _softmax = (exponents.softmax(0), count);
        _weights = _softmax.Shares.Times(-count).Plus(2);
        return IsOwnInput ? _weights.detach() : _weights;
    }

    /// <summary>The weights as an input of the loss, with the derivatives by them, where they have a graph.</summary>
    public (Tensor Input, Tensor Derivative) Leaf(SumDerivatives derivatives) => (_weights!, derivatives.PositiveWeights!);

    /// <summary>Adds the gradients by the matrix's rows, given the derivatives by the weights.</summary>
    public void PullBack(SumDerivatives derivatives)
    {
        // w = 2 - n softmax(c / σ), of c = ⟨a_i, b_p⟩, which has no temperature.
        using var constant = no_grad();
        using var scope = NewDisposeScope();
        var (byWeights, (shares, count)) = (derivatives.PositiveWeights!, _softmax);
        var bySimilarity = byWeights.sub(byWeights.dot(shares)).mul(shares).Times(-count / _sigma);
        var byProduct = _scale.Undo(bySimilarity).unsqueeze(1);
        _rows!.LeaveOut(bySimilarity.dot(_similarities));
        var (byLeft, byRight, left) = _rows.IsSelf ? (_rows.ByLeft, _rows.ByLeft, _rows.Right) : (_rows.ByLeft, _rows.ByRight, _rows.Left);
        foreach (var segment in _segments)
        {
            using var part = NewDisposeScope();
            var (first, second) = Places(segment);
            var weights = byProduct.narrow(0, segment.Row, segment.Count);
            byLeft?.narrow(0, first, segment.Count).addcmul_(_rows.Right.narrow(0, second, segment.Count), weights, Scalars.One);
            byRight?.narrow(0, second, segment.Count).addcmul_(left.narrow(0, first, segment.Count), weights, Scalars.One);
        }
    }

    /// <summary>Where a segment lies on the matrix's left and on its right.</summary>
    private (long Left, long Right) Places(DiagonalSegment segment)
        => _transposed ? (segment.Column, segment.Row) : (segment.Row, segment.Column);

    private static IEnumerable<DiagonalSegment> PartsOf(DiagonalSegment segment, long width)
        => Runs.OfRows(segment.Count, width)
            .Select(run => segment with { Row = segment.Row + run.First, Column = segment.Column + run.First, Count = run.Count });
}
