using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// In tiles: memory O((N + M) D) and a budget. The gradient is worked out together with the value, and only what inputs need
/// of it; one direction whose sums nobody has to look at first takes a single pass.
/// </summary>
internal sealed class TiledContrast : PairContrast
{
    private readonly TilePlan plan;
    private readonly SimilarityTiles tiles;
    private (PairSums Anchors, PairSums? Candidates)? sums;

    public TiledContrast(SimilarityInputs inputs, TilePairs pairs, bool bothDirections, Tiling tiling)
        : base(inputs, pairs, bothDirections)
    {
        (Anchors, Candidates) = inputs.Constant();
        plan = new TilePlan(Anchors.shape[0], Candidates.shape[0], Anchors.dtype, Anchors.device, tiling);
        tiles = new SimilarityTiles(Anchors, Candidates, pairs, plan);
    }

    public override Tensor Anchors { get; }

    public override Tensor Candidates { get; }

    protected override (PairSums Anchors, PairSums? Candidates) PairSums
    {
        get
        {
            using var constant = no_grad();
            return sums ??= tiles.Sum(BothDirections, keep: NeedsGradient);
        }
    }

    protected override IEnumerable<PairBlock> Tiles => plan.AllTiles;

    private bool NeedsGradient => Inputs.NeedsAnchors || Inputs.NeedsCandidates;

    public override Tensor Loss(DirectionLoss forward, DirectionLoss? backward, nn.Reduction reduction)
    {
        if (!NeedsGradient)
        {
            var (ofAnchors, ofCandidates) = PairSums;
            return Combine(forward, ofAnchors, backward, ofCandidates, reduction);
        }
        var gradients = new FeatureGradients(Anchors, Candidates, Inputs.NeedsAnchors, Inputs.NeedsCandidates);
        var loss = sums is null && backward is null
            ? Stream(forward, reduction, gradients)
            : SumThenDifferentiate(forward, backward, reduction, gradients);
        return Inputs.Attach(loss, gradients);
    }

    private Tensor SumThenDifferentiate(
        DirectionLoss forward, DirectionLoss? backward, nn.Reduction reduction, FeatureGradients gradients)
    {
        var (anchorSums, candidateSums) = PairSums;
        var anchors = new SumLeaves(anchorSums);
        var candidates = candidateSums is { } others ? new SumLeaves(others) : null;
        var loss = Combine(forward, anchors.Sums, backward, candidates?.Sums, reduction);
        var hasInputs = forward.HasInputs || backward is { HasInputs: true };
        autograd.backward([loss], retain_graph: hasInputs, inputs: [.. anchors.All, .. candidates?.All ?? []]);

        using var constant = no_grad();
        tiles.Differentiate(anchors.Gradient(0), candidates?.Gradient(0), gradients);
        return hasInputs ? loss : loss.detach();
    }

    private Tensor Stream(DirectionLoss loss, nn.Reduction reduction, FeatureGradients gradients)
    {
        var share = reduction == nn.Reduction.Mean ? 1.0 / plan.Anchors : 1;
        var losses = new List<Tensor>();
        using (no_grad())
        {
            tiles.Stream(gradients, (sums, strip) =>
            {
                using var graph = enable_grad();
                var leaves = new SumLeaves(sums);
                var part = loss.PerAnchor(leaves.Sums, strip.First).SumAll().Times(share);
                autograd.backward([part], retain_graph: loss.HasInputs, inputs: leaves.All);
                losses.Add((loss.HasInputs ? part : part.detach()).MoveToOuterDisposeScope());
                using var constant = no_grad();
                return leaves.Gradient(strip.First);
            });
        }
        return losses.Aggregate((total, part) => total.Plus(part));
    }
}
