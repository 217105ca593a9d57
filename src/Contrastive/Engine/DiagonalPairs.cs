using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The fast form, without masks: whatever is no plain negative lies on a few diagonals.</summary>
internal sealed class DiagonalPairs : TilePairs
{
    private readonly DiagonalPattern _pattern;

    public DiagonalPairs(PairMap map, DiagonalPattern pattern, Exponents? exponents = null)
        : base(map, exponents)
    {
        _pattern = pattern;
        IsPlain = Plain(pattern, new PairBlock(0, map.AnchorCount, 0, map.CandidateCount));
        IsPlainTransposed = Plain(pattern.Transpose(), new PairBlock(0, map.CandidateCount, 0, map.AnchorCount));
    }

    public override bool IsPlain { get; }

    public override bool IsPlainTransposed { get; }

    public override int WorkingTiles => 4;

    public override TilePairs With(Exponents? exponents) => new DiagonalPairs(Map, _pattern, exponents);

    public override (PairCounts Anchors, PairCounts Candidates) Count(IEnumerable<PairBlock> tiles, Device device, ScalarType dtype) => (
        Count(_pattern, IsPlain, new PairBlock(0, Map.AnchorCount, 0, Map.CandidateCount), device, dtype),
        Count(_pattern.Transpose(), IsPlainTransposed, new PairBlock(0, Map.CandidateCount, 0, Map.AnchorCount), device, dtype));

    public override void Sum(Tensor logits, PairBlock block, SumAccumulator anchors, SumAccumulator? candidates)
    {
        foreach (var segment in DiagonalSegment.Of(_pattern.Positives, block))
        {
            var positive = logits.diagonal(segment.Offset, 0, 1).clone();
            anchors.AddPositive(block.FirstAnchor + segment.Row, positive);
            anchors.AddKnown(block.FirstAnchor + segment.Row, positive);
            candidates?.AddPositive(block.FirstCandidate + segment.Column, positive);
            candidates?.AddKnown(block.FirstCandidate + segment.Column, positive);
        }
        Mark(logits, block);
        anchors.AddSampled(block.FirstAnchor, Sum(1, IsPlain));
        candidates?.AddSampled(block.FirstCandidate, Sum(0, IsPlainTransposed));

        Tensor Sum(int dimension, bool plain)
            => Exponents is not null ? logits.sum(dim: dimension) : plain && !Map.HasLogitBias ? logits.logsumexp(dimension) : LogSum(logits, dimension);
    }

    /// <summary>Whatever is no negative is -∞ from here on; or all are exponentials, and what is no negative is 0.</summary>
    public override void Mark(Tensor logits, PairBlock block)
    {
        foreach (var segment in DiagonalSegment.Of(_pattern.Positives, block).Concat(DiagonalSegment.Of(_pattern.Excluded, block)))
            logits.diagonal(segment.Offset, 0, 1).fill_(Scalars.NegativeInfinity);
        if (Exponents is null) return;
        if (Exponents.Shift != 0) logits.Subtract_(Exponents.Shift);
        logits.exp_();
    }

    public override SumGradient Gradient(long origin, SumLeaves sums)
        => new DiagonalGradient(origin, sums, Exponents, noneEmpty: IsPlain && IsPlainTransposed && !Map.HasLogitBias);

    public override Tensor Differentiate(Tensor logits, PairBlock block, SumGradient anchors, SumGradient? candidates)
    {
        var (forward, backward) = ((DiagonalGradient)anchors, (DiagonalGradient?)candidates);
        var weights = Exponents is null ? FromLogits() : FromExponentials();
        foreach (var segment in DiagonalSegment.Of(_pattern.Positives, block))
        {
            var derivative = forward.Part(forward.Positive, block.FirstAnchor + segment.Row, segment.Count);
            if (backward is not null)
                derivative = derivative.Plus(backward.Part(backward.Positive, block.FirstCandidate + segment.Column, segment.Count));
            weights.diagonal(segment.Offset, 0, 1).copy_(derivative);
        }
        return weights;

        Tensor FromLogits()
        {
            var other = backward is null ? null : logits.sub(Columns(backward.LogSampled)).exp_().mul_(Columns(backward.Sampled));
            var own = logits.sub_(Rows(forward.LogSampled)).exp_().mul_(Rows(forward.Sampled));
            return other is null ? own : own.add_(other, Scalars.One);
        }

        Tensor FromExponentials()
            => logits.mul_(backward is null ? Rows(forward.Sampled) : Rows(forward.Sampled).Plus(Columns(backward.Sampled)));

        Tensor Rows(Tensor column) => forward.Part(column, block.FirstAnchor, block.Anchors);
        Tensor Columns(Tensor column) => backward!.Part(column, block.FirstCandidate, block.Candidates).t();
    }

    private static bool Plain(DiagonalPattern pattern, PairBlock whole)
        => DiagonalSegment.Of(pattern.Positives, whole).Sum(segment => segment.Count) == whole.Anchors
            && whole.Candidates > 1 + pattern.Excluded.Length;

    private static PairCounts Count(DiagonalPattern pattern, bool plain, PairBlock whole, Device device, ScalarType dtype)
    {
        var positive = plain ? ones(whole.Anchors, dtype: dtype, device: device) : On(pattern.Positives);
        var others = positive.neg().Plus(whole.Candidates);
        if (pattern.Excluded.Length > 0) others = others.sub(On(pattern.Excluded));
        return new PairCounts(positive, others, positive);

        Tensor On(long[] offsets)
        {
            var count = zeros(whole.Anchors, dtype: dtype, device: device);
            foreach (var segment in DiagonalSegment.Of(offsets, whole))
                count.narrow(0, segment.Row, segment.Count).add_(Scalars.One, Scalars.One);
            return count;
        }
    }
}
