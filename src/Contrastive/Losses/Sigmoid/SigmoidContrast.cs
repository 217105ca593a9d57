using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The sigmoid loss as a function: what <see cref="SigmoidContrastiveLoss"/> and the functional form have in common.</summary>
/// <param name="Mode">Who is contrasted with whom.</param>
/// <param name="Similarity">How features are compared.</param>
/// <param name="Reduction">From values per anchor to one.</param>
/// <param name="Tiling">How the matrix of similarities is worked through.</param>
internal readonly record struct SigmoidContrast(ContrastMode Mode, SimilarityMeasure Similarity, nn.Reduction Reduction, Tiling Tiling)
{
    /// <summary>The loss of a batch. What it makes is in the caller's dispose scope.</summary>
    /// <param name="batch">Rows and pairs.</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="bias">b, (1).</param>
    public Tensor Of(ContrastBatch batch, LogitScale scale, Tensor bias)
    {
        var map = batch.Map;
        map.CheckNoTargets("pairs");
        var ownGradient = is_grad_enabled() && bias.requires_grad;
        var matrix = SimilarityMatrix.Of(
            new FeatureRows(batch.Anchors, Similarity),
            new FeatureRows(batch.Candidates, Similarity),
            scale,
            new PairTerms(map),
            Tiling,
            Reduction != nn.Reduction.None,
            ownGradient,
            takesHalf: false);
        var symmetric = Mode == ContrastMode.Symmetric;
        var weights = (Anchors: map.WeightsOfAnchors(bias.dtype), Candidates: symmetric ? map.WeightsOfCandidates(bias.dtype) : null);
        var equation = new SigmoidEquation(map, matrix.Pattern);
        if (matrix.IsWhole)
        {
            var terms = equation.Terms(matrix.Similarities().Plus(bias));
            return Reduce(terms.sum(dim: 1), symmetric ? terms.sum(dim: 0) : null, weights);
        }

        // Each tile gives its part of the value and of the gradients, and is not gone back to.
        var perAnchor = zeros(map.AnchorCount, dtype: bias.dtype, device: bias.device);
        var perCandidate = symmetric ? zeros(map.CandidateCount, dtype: bias.dtype, device: bias.device) : null;
        var byBias = zeros_like(bias.detach());
        var shares = Shares(map, weights);
        matrix.ForEachTile(SigmoidEquation.Scratch, (tile, block, scratch) =>
        {
            tile.add_(bias, Scalars.One);
            equation.AddTerms(tile, block, scratch, perAnchor, perCandidate);
            if (!matrix.NeedsPullBack) return;
            equation.Differentiate_(tile, block, scratch[0], shares);
            if (ownGradient) byBias.add_(tile.SumAll(), Scalars.One);
        });
        return matrix.Attach(Reduce(perAnchor, perCandidate, weights), 1, (bias, byBias));
    }

    /// <summary>Refuses a b that is no number.</summary>
    public static double CheckBias(double initialBias) => Guard.Between(initialBias, double.MinValue, double.MaxValue);

    /// <summary>b as a tensor, (1).</summary>
    public static Tensor ConstantBias(double bias, ScalarType dtype, Device device)
    {
        using var value = bias.ToScalar();
        return full(1, value, dtype: dtype, device: device);
    }

    private Tensor Reduce(Tensor perAnchor, Tensor? perCandidate, (Tensor? Anchors, Tensor? Candidates) weights)
    {
        var reduction = Reduction;
        var forward = Of(perAnchor, weights.Anchors);
        return perCandidate is null ? forward : LossReduction.MeanOfDirections(forward, Of(perCandidate, weights.Candidates));

        Tensor Of(Tensor values, Tensor? ofValues)
            => LossReduction.Weigh(values, SkippedAnchors.None, ofValues).Reduce(SkippedAnchors.None, reduction, ofValues?.SumAll());
    }

    /// <summary>The weight of pair (i, j) in the reduced loss: the same number of each, or the sum of one of i and one of j.</summary>
    private PairShares Shares(PairMap map, (Tensor? Anchors, Tensor? Candidates) weights)
    {
        var (mean, half) = (Reduction == nn.Reduction.Mean, Mode == ContrastMode.Symmetric ? 0.5 : 1);
        if (weights.Anchors is null)
        {
            if (!mean) return new PairShares(1, null, null);
            var ofAnchors = half / map.AnchorCount;
            return new PairShares(Mode == ContrastMode.Symmetric ? ofAnchors + (half / map.CandidateCount) : ofAnchors, null, null);
        }
        return new PairShares(0, Share(weights.Anchors).unsqueeze(1), weights.Candidates is { } others ? Share(others).unsqueeze(0) : null);

        Tensor Share(Tensor of) => (mean ? of.div(LossReduction.OrOne(of.SumAll())) : of).Times(half);
    }
}

/// <summary>How much each pair counts.</summary>
/// <param name="Number">Of every pair, where anchors have no weights.</param>
/// <param name="Anchors">(N, 1), where they have.</param>
/// <param name="Candidates">(1, M), which is added; null for none.</param>
internal readonly record struct PairShares(double Number, Tensor? Anchors, Tensor? Candidates)
{
    /// <summary>A tile times its pairs' shares, in place.</summary>
    public void Apply_(Tensor tile, PairBlock block, Tensor scratch)
    {
        if (Anchors is null)
        {
            using var number = Number.ToScalar();
            tile.mul_(number);
            return;
        }
        scratch.copy_(block.AnchorsOf(Anchors));
        if (Candidates is not null) scratch.add_(Candidates.narrow(1, block.FirstCandidate, block.Candidates), Scalars.One);
        tile.mul_(scratch);
    }
}
