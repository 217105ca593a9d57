using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The general form: any positives, exclusions and sample ids, a mask at a time.</summary>
internal sealed class MaskedPairs(PairMap map, PositiveSampling sampling) : TilePairs(map, exponents: null)
{
    public override bool IsPlain => false;

    public override bool IsPlainTransposed => false;

    public override int WorkingTiles => 12;

    public override TilePairs With(Exponents? exponents) => this;

    public override (PairCounts Anchors, PairCounts Candidates) Count(IEnumerable<PairBlock> tiles, Device device, ScalarType dtype)
    {
        var (anchors, candidates) = (Zeros(Map.AnchorCount), Zeros(Map.CandidateCount));
        foreach (var block in tiles)
        {
            using var scope = NewDisposeScope();
            var tile = Tile(block, device);
            Add(anchors, 1, block.FirstAnchor, tile);
            Add(candidates, 0, block.FirstCandidate, tile);
        }
        return (anchors, candidates);

        PairCounts Zeros(long count)
        {
            Tensor Zero() => zeros(count, dtype: dtype, device: device);
            return new PairCounts(Zero(), Zero(), Zero());
        }
    }

    public override void Sum(Tensor logits, PairBlock block, SumAccumulator anchors, SumAccumulator? candidates)
    {
        var tile = Tile(block, logits.device);
        var known = OnlyIn(logits, tile.Known);
        var sampled = OnlyIn(logits, tile.Sampled);
        var positive = logits.masked_fill(tile.Positive.logical_not(), Scalars.Zero);
        Add(anchors, 1, block.FirstAnchor);
        if (candidates is not null) Add(candidates, 0, block.FirstCandidate);

        void Add(SumAccumulator sums, int dimension, long first)
        {
            sums.AddKnown(first, LogSum(known, dimension));
            sums.AddSampled(first, LogSum(sampled, dimension));
            sums.AddPositive(first, positive.sum(dim: dimension));
        }
    }

    public override void Mark(Tensor logits, PairBlock block)
    {
    }

    public override SumGradient Gradient(long origin, SumLeaves sums) => new MaskedGradient(origin, sums);

    public override Tensor Differentiate(Tensor logits, PairBlock block, SumGradient anchors, SumGradient? candidates)
    {
        var tile = Tile(block, logits.device);
        var weights = zeros_like(logits);
        Add((MaskedGradient)anchors, column => anchors.Part(column, block.FirstAnchor, block.Anchors));
        if (candidates is not null)
            Add((MaskedGradient)candidates, column => candidates.Part(column, block.FirstCandidate, block.Candidates).t());
        return weights;

        void Add(MaskedGradient gradient, Func<Tensor, Tensor> part)
        {
            AddSum(tile.Known, gradient.LogKnown, gradient.Known);
            AddSum(tile.Sampled, gradient.LogSampled, gradient.Sampled);
            weights.add_(tile.Positive.to(weights.dtype).mul_(part(gradient.Positive)), Scalars.One);

            void AddSum(Tensor mask, Tensor log, Tensor derivative)
                => weights.add_(OnlyIn(logits, mask).sub_(part(log)).exp_().mul_(part(derivative)), Scalars.One);
        }
    }

    private SumTile Tile(PairBlock block, Device device)
        => SumTile.Of(Map.Block(block.FirstAnchor, block.Anchors, block.FirstCandidate, block.Candidates), sampling, device);

    private static void Add(PairCounts counts, int dimension, long first, SumTile tile)
    {
        AddTo(counts.Known, tile.Known);
        AddTo(counts.Sampled, tile.Sampled);
        AddTo(counts.Positive, tile.Positive);

        void AddTo(Tensor total, Tensor mask)
        {
            var part = mask.sum(dim: dimension);
            total.narrow(0, first, part.shape[0]).add_(part, Scalars.One);
        }
    }

    private static Tensor OnlyIn(Tensor logits, Tensor mask) => logits.masked_fill(mask.logical_not(), Scalars.NegativeInfinity);
}
