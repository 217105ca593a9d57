using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The whole matrix at once, with a graph: for few pairs, and for losses without reduction. Differentiable to any order.</summary>
internal sealed class WholeContrast : PairContrast
{
    private readonly PairBlock _whole;

    public WholeContrast(SimilarityInputs inputs, TilePairs pairs, bool bothDirections)
        : base(inputs, pairs, bothDirections)
    {
        var (a, b) = inputs.WithGraph();
        (Anchors, Candidates) = (a.detach(), b.detach());
        _whole = new PairBlock(0, a.shape[0], 0, b.shape[0]);
        var logits = a.matmul(b.t());
        pairs.Map.AddBias(logits, _whole);
        var forward = new WholeSums(_whole.Anchors, a);
        var backward = bothDirections ? new WholeSums(_whole.Candidates, b) : null;
        pairs.Sum(logits, _whole, forward, backward);
        PairSums = (forward.ToSums(), backward?.ToSums());
    }

    public override Tensor Anchors { get; }

    public override Tensor Candidates { get; }

    protected override (PairSums Anchors, PairSums? Candidates) PairSums { get; }

    protected override IEnumerable<PairBlock> Tiles => [_whole];

    public override Tensor Loss(DirectionLoss forward, DirectionLoss? backward, nn.Reduction reduction)
        => Combine(forward, PairSums.Anchors, backward, PairSums.Candidates, reduction);
}
