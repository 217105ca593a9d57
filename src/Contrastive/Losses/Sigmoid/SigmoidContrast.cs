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
        var ownGradient = is_grad_enabled() && bias.requires_grad;
        var matrix = new SimilarityMatrix(
            new FeatureRows(batch.Anchors, Similarity),
            new FeatureRows(batch.Candidates, Similarity),
            scale,
            map,
            PositiveSampling.Complete,
            Reduction != nn.Reduction.None,
            Tiling,
            ownGradient);
        var equation = new SigmoidEquation(map);
        if (matrix.IsWhole)
        {
            var terms = equation.Terms(matrix.Similarities().Plus(bias));
            return Reduce(terms.sum(dim: 1), Mode == ContrastMode.Symmetric ? terms.sum(dim: 0) : null);
        }

        // Each tile gives its part of the value and of the gradients, and is not gone back to.
        var perAnchor = zeros(map.AnchorCount, dtype: bias.dtype, device: bias.device);
        var perCandidate = Mode == ContrastMode.Symmetric ? zeros(map.CandidateCount, dtype: bias.dtype, device: bias.device) : null;
        var byBias = zeros_like(bias.detach());
        var share = Share(map);
        matrix.ForEachTile(SigmoidEquation.Scratch, (tile, block, scratch) =>
        {
            tile.add_(bias, Scalars.One);
            equation.AddTerms(tile, block, scratch, perAnchor, perCandidate);
            if (!matrix.NeedsPullBack) return;
            equation.Differentiate_(tile, block, scratch[0], share);
            if (ownGradient) byBias.add_(tile.SumAll(), Scalars.One);
        });
        return matrix.Attach(Reduce(perAnchor, perCandidate), (bias, byBias));
    }

    /// <summary>Refuses a b that is no number.</summary>
    public static double CheckBias(double initialBias) => Guard.Between(initialBias, double.MinValue, double.MaxValue);

    /// <summary>b as a tensor, (1).</summary>
    public static Tensor ConstantBias(double bias, ScalarType dtype, Device device)
    {
        using var value = bias.ToScalar();
        return full(1, value, dtype: dtype, device: device);
    }

    private Tensor Reduce(Tensor perAnchor, Tensor? perCandidate)
    {
        var forward = perAnchor.Reduce(SkippedAnchors.None, Reduction);
        return perCandidate is null ? forward : LossReduction.MeanOfDirections(forward, perCandidate.Reduce(SkippedAnchors.None, Reduction));
    }

    /// <summary>The weight of a pair in the reduced loss.</summary>
    private double Share(PairMap map)
    {
        if (Reduction != nn.Reduction.Mean) return 1;
        var ofAnchors = 1.0 / map.AnchorCount;
        return Mode == ContrastMode.Symmetric ? (ofAnchors + (1.0 / map.CandidateCount)) / 2 : ofAnchors;
    }
}
