using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The fast form, without masks: whatever is no plain negative lies on a few diagonals.</summary>
internal sealed class DiagonalPairs : TilePairs
{
    private readonly DiagonalPattern pattern;

    public DiagonalPairs(PairMap map, DiagonalPattern pattern)
        : base(map)
    {
        this.pattern = pattern;
        IsPlain = Plain(pattern, new PairBlock(0, map.AnchorCount, 0, map.CandidateCount));
        IsPlainTransposed = Plain(pattern.Transpose(), new PairBlock(0, map.CandidateCount, 0, map.AnchorCount));
    }

    public override bool IsPlain { get; }

    public override bool IsPlainTransposed { get; }

    public override (PairCounts Anchors, PairCounts Candidates) Count(IEnumerable<PairBlock> tiles, Device device, ScalarType dtype) => (
        Count(pattern, IsPlain, new PairBlock(0, Map.AnchorCount, 0, Map.CandidateCount), device, dtype),
        Count(pattern.Transpose(), IsPlainTransposed, new PairBlock(0, Map.CandidateCount, 0, Map.AnchorCount), device, dtype));

    public override void Sum(Tensor logits, PairBlock block, SumAccumulator anchors, SumAccumulator? candidates)
    {
        foreach (var segment in DiagonalSegment.Of(pattern.Positives, block))
        {
            var positive = logits.diagonal(segment.Offset, 0, 1).clone();
            anchors.AddPositive(block.FirstAnchor + segment.Row, positive);
            anchors.AddKnown(block.FirstAnchor + segment.Row, positive);
            candidates?.AddPositive(block.FirstCandidate + segment.Column, positive);
            candidates?.AddKnown(block.FirstCandidate + segment.Column, positive);
        }
        Mark(logits, block);
        anchors.AddSampled(block.FirstAnchor, IsPlain ? logits.logsumexp(1) : LogSum(logits, 1));
        candidates?.AddSampled(block.FirstCandidate, IsPlainTransposed ? logits.logsumexp(0) : LogSum(logits, 0));
    }

    /// <summary>Whatever is no negative is -∞ from here on.</summary>
    public override void Mark(Tensor logits, PairBlock block)
    {
        foreach (var segment in DiagonalSegment.Of(pattern.Positives, block).Concat(DiagonalSegment.Of(pattern.Excluded, block)))
            logits.diagonal(segment.Offset, 0, 1).fill_(Scalars.NegativeInfinity);
    }

    public override Tensor Differentiate(Tensor logits, PairBlock block, SumGradient anchors, SumGradient? candidates)
    {
        var back = candidates is null ? null : logits.sub(Columns(candidates.LogSampled)).exp_().mul_(Columns(candidates.Sampled));
        var weights = logits.sub_(Rows(anchors.LogSampled)).exp_().mul_(Rows(anchors.Sampled));
        if (back is not null) weights.add_(back, Scalars.One);

        foreach (var segment in DiagonalSegment.Of(pattern.Positives, block))
        {
            // A positive is its anchor's whole known sum, so its derivative is that of the sum.
            var derivative = anchors.Part(anchors.OfOnlyPositive, block.FirstAnchor + segment.Row, segment.Count);
            if (candidates is not null)
                derivative = derivative.Plus(candidates.Part(candidates.OfOnlyPositive, block.FirstCandidate + segment.Column, segment.Count));
            weights.diagonal(segment.Offset, 0, 1).copy_(derivative);
        }
        return weights;

        Tensor Rows(Tensor column) => anchors.Part(column, block.FirstAnchor, block.Anchors);
        Tensor Columns(Tensor column) => candidates.Part(column, block.FirstCandidate, block.Candidates).t();
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
