using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>InfoNCE as a function: what <see cref="InfoNCELoss"/> and the functional form have in common.</summary>
/// <param name="Mode">Who is contrasted with whom.</param>
/// <param name="Similarity">How features are compared.</param>
/// <param name="PositiveSum">Where the sum over several positives stands.</param>
/// <param name="MissingPairs">What happens to anchors without a positive or a negative.</param>
/// <param name="Reduction">From values per anchor to one.</param>
/// <param name="Tiling">How the matrix of similarities is worked through.</param>
internal readonly record struct InfoNCE(
    ContrastMode Mode,
    SimilarityMeasure Similarity,
    PositiveSum PositiveSum,
    MissingPairs MissingPairs,
    nn.Reduction Reduction,
    Tiling Tiling)
{
    /// <summary>The loss of a batch. What it makes is in the caller's dispose scope.</summary>
    public ContrastiveResult InBatch(ContrastBatch batch, LogitScale scale)
    {
        var matrix = Matrix(batch.Anchors, batch.Candidates, batch.Map, scale);
        var (settings, map) = (this, batch.Map);
        if (Mode != ContrastMode.Symmetric)
        {
            var (single, missing) = AnchorLosses.Of(matrix, (sums, _, _) => settings.Losses(sums, map), Reduction);
            return new ContrastiveResult(single, single.detach(), missing);
        }

        var both = matrix.Sum(bothDirections: true);
        var (forward, backward) = (Losses(both.Anchors, map), Losses(both.Candidates!, map));
        var loss = LossReduction.MeanOfDirections(forward.Reduce(Reduction), backward.Reduce(Reduction));
        if (matrix.NeedsPullBack) both.PullBack(forward.DerivativesOf(Reduction, 0.5), backward.DerivativesOf(Reduction, 0.5));
        loss = matrix.Attach(loss);
        return new ContrastiveResult(loss, loss.detach(), forward.Skipped.Count + backward.Skipped.Count);
    }

    /// <summary>The loss with negatives of the caller's choice, checked before.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="positives">(N, D).</param>
    /// <param name="negatives">(M, D), or (N, M, D).</param>
    /// <param name="pairs">The map of the anchors and their negatives, or null.</param>
    /// <param name="scale">1/τ.</param>
    public ContrastiveResult WithNegatives(Tensor anchors, Tensor positives, Tensor negatives, PairMap? pairs, LogitScale scale)
    {
        var (a, p) = (new FeatureRows(anchors, Similarity), new FeatureRows(positives, Similarity));
        var positive = scale.WithGraph(a.WithGraph()).mul(p.WithGraph()).sum(dim: 1);      // (N), with a graph
        var map = pairs ?? PairMap.Negatives(anchors.shape[0], negatives.shape[^2]);
        Tensor loss;
        long skipped;
        if (negatives.dim() == 3)
        {
            var logits = new FeatureRows(negatives, Similarity).WithGraph().matmul(scale.WithGraph(a.WithGraph()).unsqueeze(2)).squeeze(2);     // (N, M)
            var sums = new WholeMatrix(map, map.Diagonals(PositiveSampling.Complete), PositiveSampling.Complete)
                .Sum(logits, bothDirections: false, relative: true).Anchors;
            var losses = Losses(sums, positive);
            (loss, skipped) = (losses.Reduce(Reduction), losses.Skipped.Count);
        }
        else
        {
            var (settings, matrix) = (this, Matrix(anchors, negatives, map, scale));
            var (value, derivative) = (matrix.NeedsPullBack ? positive.detach() : positive, zeros_like(positive.detach()));
            (loss, skipped) = AnchorLosses.Of(
                matrix,
                (sums, first, count) => settings.Losses(sums, value.narrow(0, first, count), derivative.narrow(0, first, count)),
                Reduction,
                (positive, derivative));
        }
        return new ContrastiveResult(loss, loss.detach(), skipped);
    }

    private SimilarityMatrix Matrix(Tensor anchors, Tensor candidates, PairMap map, LogitScale scale) => new(
        new FeatureRows(anchors, Similarity),
        new FeatureRows(candidates, Similarity),
        scale,
        map,
        PositiveSampling.Complete,
        Reduction != nn.Reduction.None,
        Tiling);

    private AnchorLosses Losses(PairSums sums, PairMap map)
    {
        if (sums.IsSinglePositive)
            return new AnchorLosses(
                InfoNCEEquation.SinglePositive(sums.PositiveLogits, sums.LogNegatives),
                SkippedAnchors.None,
                () => InfoNCEEquation.SinglePositiveDerivatives(sums.PositiveLogits, sums.LogNegatives));

        // Several positives outside the logarithm are contrasted with each other; of labels the published loss asks for a positive only.
        var counts = sums.Counts;
        var others = map.HasLabels ? counts.Negatives.Plus(counts.Numerator)
            : PositiveSum == PositiveSum.OutsideLog ? counts.Negatives.Plus(counts.Numerator).Plus(-1)
            : counts.Negatives;
        var skipped = SkippedAnchors.Find(counts.Numerator, others, MissingPairs);
        var positiveSum = PositiveSum;
        if (skipped.Mask is { } mask) sums = sums.ZeroWhere(mask);
        return new AnchorLosses(
            InfoNCEEquation.SeveralPositives(sums, positiveSum),
            skipped,
            () => InfoNCEEquation.SeveralPositivesDerivatives(sums, positiveSum));
    }

    /// <summary>The losses of anchors whose positives come apart.</summary>
    /// <param name="sums">The sums over the negatives.</param>
    /// <param name="positive">s_ip, (n).</param>
    /// <param name="derivative">(n), where to put the derivatives by it.</param>
    private AnchorLosses Losses(PairSums sums, Tensor positive, Tensor? derivative = null)
    {
        var negatives = sums.Counts.Negatives;
        var skipped = SkippedAnchors.Find(ones_like(negatives), negatives, MissingPairs);
        if (skipped.Mask is { } mask) sums = sums.ZeroWhere(mask);
        if (sums.Reference is not null) positive = positive.sub(sums.Reference);
        return new AnchorLosses(InfoNCEEquation.SinglePositive(positive, sums.LogNegatives), skipped, Derivatives);

        SumDerivatives Derivatives()
        {
            using var constant = no_grad();
            var derivatives = InfoNCEEquation.SinglePositiveDerivatives(positive.detach(), sums.LogNegatives);
            derivative!.copy_(derivatives.Of(1, skipped.Mask).PositiveLogits!);
            return derivatives with { PositiveLogits = null };
        }
    }
}

/// <summary>Where the sum over an anchor's several positives stands (Khosla et al. 2020, equations 2 and 3).</summary>
public enum PositiveSum
{
    /// <summary>
    /// Outside the logarithm, the mean over positives of -log( exp(s_ip) / Σ_a exp(s_ia) ): every positive has to be close.
    /// </summary>
    OutsideLog,

    /// <summary>
    /// Inside, -log( 1/|P(i)| Σ_p exp(s_ip) / Σ_a exp(s_ia) ): one close positive is enough.
    /// </summary>
    InsideLog,
}
