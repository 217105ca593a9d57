using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// In tiles: memory O((N + M) D) and a budget. The gradient is worked out together with the value, and only what inputs need
/// of it; one direction whose sums nobody has to look at first takes a single pass.
/// </summary>
internal sealed class TiledContrast : PairContrast
{
    private readonly Tiling _tiling;
    private readonly Exponents? _exponents;
    private SimilarityTiles? _tiles;
    private readonly bool _ofAnchors;
    private readonly bool _ofCandidates;
    private (PairSums Anchors, PairSums? Candidates)? _sums;

    public TiledContrast(SimilarityInputs inputs, TilePairs pairs, bool bothDirections, Tiling tiling)
        : base(inputs, pairs, bothDirections)
    {
        // Asked now, because the sums are worked out in a scope without gradients.
        (_ofAnchors, _ofCandidates) = (inputs.NeedsAnchors, inputs.NeedsCandidates);
        (Anchors, Candidates) = inputs.Constant();
        _tiling = tiling;
        _exponents = Exponents.For(inputs.Bound() + pairs.Map.BiasBound(), Math.Max(Anchors.shape[0], Candidates.shape[0]), Anchors.dtype);
    }

    public override Tensor Anchors { get; }

    public override Tensor Candidates { get; }

    protected override (PairSums Anchors, PairSums? Candidates) PairSums
    {
        get
        {
            if (_sums is { } known) return known;
            using var constant = no_grad();
            var found = Sum(_exponents) ?? Sum(null)!.Value;
            _sums = found;
            return found;
        }
    }

    protected override IEnumerable<PairBlock> Tiles => Plan(TilePlan.OfPasses).AllTiles;

    public override Tensor Loss(DirectionLoss forward, DirectionLoss? backward, nn.Reduction reduction)
    {
        if (!_ofAnchors && !_ofCandidates)
        {
            var (anchorSums, candidateSums) = PairSums;
            return Combine(forward, anchorSums, backward, candidateSums, reduction);
        }
        var gradients = new FeatureGradients(Anchors, Candidates, _ofAnchors, _ofCandidates);
        return _sums is null && backward is null
            ? Stream(forward, reduction, gradients)
            : SumThenDifferentiate(forward, backward, reduction, gradients);
    }

    private (PairSums Anchors, PairSums? Candidates)? Sum(Exponents? exponents)
    {
        _tiles = TilesWith(exponents, Plan(TilePlan.OfPasses));
        return _tiles.Sum(BothDirections, keep: _ofAnchors || _ofCandidates);
    }

    private SimilarityTiles TilesWith(Exponents? exponents, TilePlan plan) => new(Anchors, Candidates, Pairs.With(exponents), plan);

    private TilePlan Plan(Func<long, long, ScalarType, Device, Tiling, int, TilePlan> kind)
        => kind(Anchors.shape[0], Candidates.shape[0], Anchors.dtype, Anchors.device, _tiling, Pairs.WorkingTiles);

    private Tensor SumThenDifferentiate(
        DirectionLoss forward, DirectionLoss? backward, nn.Reduction reduction, FeatureGradients gradients)
    {
        var (anchorSums, candidateSums) = PairSums;
        var anchors = new SumLeaves(anchorSums);
        var candidates = candidateSums is { } others ? new SumLeaves(others) : null;
        (forward, var own) = InputLeaf.In(forward);
        InputLeaf? reverse = null;
        if (backward is not null) (backward, reverse) = InputLeaf.In(backward);
        var loss = Combine(forward, anchors.Sums, backward, candidates?.Sums, reduction);
        autograd.backward([loss], inputs: [.. anchors.All, .. candidates?.All ?? [], .. Leaves(own, reverse)]);

        using (no_grad()) _tiles!.Differentiate(anchors, candidates, gradients);
        return Inputs.Attach(loss.detach(), gradients, own, reverse);
    }

    private Tensor Stream(DirectionLoss loss, nn.Reduction reduction, FeatureGradients gradients)
    {
        var share = reduction == nn.Reduction.Mean ? 1.0 / Anchors.shape[0] : 1;
        var losses = new List<Tensor>();
        (loss, var own) = InputLeaf.In(loss);
        using (no_grad())
        {
            // In a single pass there is no turning back, so exponentials must be safe from the start.
            TilesWith(_exponents is { Lowest: 0 } ? _exponents : null, Plan(TilePlan.OfRows)).Stream(gradients, (sums, first) =>
            {
                using var graph = enable_grad();
                var leaves = new SumLeaves(sums);
                var part = loss.Of(leaves.Sums, first).SumAll().Times(share);
                autograd.backward([part], inputs: [.. leaves.All, .. Leaves(own)]);
                losses.Add(part.detach().MoveToOuterDisposeScope());
                return leaves;
            });
        }
        return Inputs.Attach(losses.Aggregate((total, part) => total.Plus(part)), gradients, own);
    }

    private static IEnumerable<Tensor> Leaves(params InputLeaf?[] leaves) => leaves.OfType<InputLeaf>().Select(leaf => leaf.Leaf);
}
