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
    /// <summary>Rows are worked on in runs of about this many numbers.</summary>
    private const long RunElements = 1 << 16;

    private readonly Tensor _similarities;
    private readonly double _sigma;
    private readonly FeatureRows? _rows;
    private readonly FeatureRows? _others;
    private readonly DiagonalSegment[] _segments = [];
    private (Tensor Shares, long Count) _softmax;
    private Tensor? _weights;

    /// <param name="similarities">⟨a_i, b_p⟩ of each anchor with its positive, (n), without τ, with its graph.</param>
    /// <param name="sigma">σ.</param>
    public MisesFisherWeights(Tensor similarities, double sigma) => (_similarities, _sigma) = (similarities, sigma);

    /// <param name="rows">(n, D).</param>
    /// <param name="others">(m, D).</param>
    /// <param name="map">Their pairs; positives lie on diagonals, one to a row.</param>
    /// <param name="sigma">σ.</param>
    /// <param name="isOwnInput">Whether <see cref="Leaves"/> has the gradients; else the weights have a graph.</param>
    public MisesFisherWeights(FeatureRows rows, FeatureRows others, PairMap map, double sigma, bool isOwnInput)
    {
        (_sigma, IsOwnInput) = (sigma, isOwnInput);
        if (isOwnInput) (_rows, _others) = (rows, others);
        _segments = [.. DiagonalSegment.Of(map.PositiveDiagonals!, new PairBlock(0, map.AnchorCount, 0, map.CandidateCount)).OrderBy(segment => segment.Row)];
        using var constant = isOwnInput ? no_grad() : null;
        var (left, right) = isOwnInput ? (rows.Constant, others.Constant) : (rows.WithGraph(), others.WithGraph());
        // 0 where a row has no positive.
        var parts = new List<Tensor>();
        var next = 0L;
        foreach (var segment in _segments.SelectMany(segment => PartsOf(segment, isOwnInput ? left.shape[1] : 1)))
        {
            Skip(segment.Row - next);
            parts.Add(left.narrow(0, segment.Row, segment.Count).mul(right.narrow(0, segment.Column, segment.Count)).sum(dim: 1));
            next = segment.Row + segment.Count;
        }
        Skip(map.AnchorCount - next);
        _similarities = parts.Count == 1 ? parts[0] : cat(parts);

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

    /// <summary>What the weights depend on as inputs of the loss, with the derivatives by them.</summary>
    public IEnumerable<(Tensor Input, Tensor Derivative)?> Leaves(SumDerivatives derivatives)
    {
        if (_rows is null) return [(_weights!, derivatives.PositiveWeights!)];

        // w = 2 - n softmax(c / σ).
        var (byWeights, (shares, count)) = (derivatives.PositiveWeights!, _softmax);
        var bySimilarity = byWeights.sub(byWeights.dot(shares)).mul(shares).Times(-count / _sigma).unsqueeze(1);
        return [Leaf(_rows, _others!, isRow: true), Leaf(_others!, _rows, isRow: false)];

        (Tensor, Tensor)? Leaf(FeatureRows own, FeatureRows other, bool isRow)
            => own.RequiresGradient ? own.Leaf(Gradient(own, other, isRow)) : null;

        Tensor Gradient(FeatureRows own, FeatureRows other, bool isRow)
        {
            using var constant = no_grad();
            var gradient = Workspace.ZerosLike(own.Constant);
            foreach (var segment in _segments.SelectMany(segment => PartsOf(segment, gradient.shape[1])))
            {
                using var scope = NewDisposeScope();
                var (first, second) = isRow ? (segment.Row, segment.Column) : (segment.Column, segment.Row);
                gradient.narrow(0, first, segment.Count).addcmul_(
                    other.Constant.narrow(0, second, segment.Count), bySimilarity.narrow(0, segment.Row, segment.Count), Scalars.One);
            }
            own.PullBack(gradient, own.Constant, null, scaled: 0);
            return gradient;
        }
    }

    private static IEnumerable<DiagonalSegment> PartsOf(DiagonalSegment segment, long width)
        => Runs.Of(segment.Count, Math.Max(1, RunElements / width))
            .Select(run => segment with { Row = segment.Row + run.First, Column = segment.Column + run.First, Count = run.Count });
}
