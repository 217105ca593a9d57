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
/// <param name="Variant">Which of its variants it is.</param>
/// <param name="Memory">Rows of recent batches that are more negatives; null for none.</param>
/// <param name="Remembers">Whether the batch is put into the memory.</param>
internal readonly record struct InfoNCE(
    ContrastMode Mode,
    SimilarityMeasure Similarity,
    PositiveSum PositiveSum,
    MissingPairs MissingPairs,
    nn.Reduction Reduction,
    Tiling Tiling,
    InfoNCEVariant Variant,
    CrossBatchMemory? Memory = null,
    bool Remembers = false)
{
    /// <summary>The loss of a batch. What it makes is in the caller's dispose scope.</summary>
    public ContrastiveResult InBatch(ContrastBatch batch, LogitScale scale)
    {
        if (SumsByClass(batch.Map, scale)) return ByClass(batch, scale);

        var (settings, map) = (this, batch.Map);
        Variant.Check(map, PositiveSum);
        var targets = TargetRows.Of(map, Variant.LabelSmoothing, UnitRows.ComputeType(batch.Anchors.dtype), batch.Anchors.device);
        var matrix = Matrix(batch.Anchors, batch.Candidates, map, scale, targets);
        var weights = map.WeightsOfAnchors(matrix.Anchors.ComputeType);
        if (Memory is not null) return WithMemory(batch, matrix, map, scale, weights);
        if (Mode != ContrastMode.Symmetric && Variant.MisesFisherSigma is null)
        {
            var (single, missing) = AnchorLosses.Of(
                matrix, (sums, first, count) => settings.Losses(sums, map, scale, weights?.narrow(0, first, count)), Reduction);
            return ContrastiveResult.OfValue(single, missing);
        }

        var symmetric = Mode == ContrastMode.Symmetric;
        var both = matrix.Sum(symmetric);
        var (ofAnchors, ofCandidates) = (MisesFisher(false), symmetric ? MisesFisher(true) : null);
        var forward = Losses(both.Anchors, map, scale, weights, ofAnchors);
        var backward = symmetric ? Losses(both.Candidates!, map, scale, map.WeightsOfCandidates(matrix.Anchors.ComputeType), ofCandidates) : null;
        var loss = AnchorLosses.Of(
            matrix,
            both,
            forward,
            backward,
            Reduction,
            (byAnchorSums, byCandidateSums) =>
            {
                ofAnchors?.PullBack(byAnchorSums);
                ofCandidates?.PullBack(byCandidateSums!.Value);
                return [];
            });
        return ContrastiveResult.OfValue(loss, forward.Skipped.Count + (backward?.Skipped.Count ?? 0));

        MisesFisherWeights? MisesFisher(bool transposed)
            => settings.Variant.MisesFisherSigma is { } sigma ? new MisesFisherWeights(matrix, scale, map, sigma, transposed) : null;
    }

    /// <summary>The loss with the memory's rows as more negatives.</summary>
    private ContrastiveResult WithMemory(ContrastBatch batch, SimilarityMatrix matrix, PairMap map, LogitScale scale, Tensor? weights)
    {
        batch.CheckFinite(matrix, Mode);
        var memory = BatchMemory.Of(Memory!, matrix, map, batch.SampleIds, batch.CandidateIds, Mode == ContrastMode.TwoViews, Tiling);
        // A first item alone is skipped, and remembered.
        var settings = memory.IsAlone(batch.Items(Mode)) ? this with { MissingPairs = MissingPairs.Skip } : this;
        var symmetric = Mode == ContrastMode.Symmetric;
        var both = matrix.Sum(symmetric);
        var ofAnchors = memory.Forward?.Negatives(scale, reduced: !matrix.IsWhole);
        var ofCandidates = symmetric ? memory.Reverse?.Negatives(scale, reduced: !matrix.IsWhole) : null;
        var forward = settings.Losses(both.Anchors, ofAnchors?.Sums.Anchors, map, scale, weights);
        var backward = symmetric
            ? settings.Losses(both.Candidates!, ofCandidates?.Sums.Anchors, map, scale, map.WeightsOfCandidates(matrix.Anchors.ComputeType))
            : null;
        var loss = AnchorLosses.Of(
            matrix, both, forward, backward, Reduction, (byForward, byBackward) => [Leaf(ofAnchors, byForward), Leaf(ofCandidates, byBackward)]);
        if (Remembers)
        {
            using var constant = no_grad();
            memory.Store(null, null);
        }
        return ContrastiveResult.OfValue(loss, forward.Skipped.Count + (backward?.Skipped.Count ?? 0));

        static (Tensor, Tensor)? Leaf((SimilarityMatrix Matrix, ContrastSums Sums)? block, SumDerivatives? derivatives)
        {
            if (block is not var (remembered, sums)) return null;
            if (!remembered.NeedsPullBack)
            {
                remembered.Release();
                return null;
            }
            sums.PullBack(new SumDerivatives(null, derivatives!.Value.Remembered!, null), null);
            var term = remembered.Term();
            return (term, ones_like(term.detach()));
        }
    }

    /// <summary>The losses of anchors with negatives of batch and memory, whose derivatives are split between the two.</summary>
    private AnchorLosses Losses(PairSums batch, PairSums? remembered, PairMap map, LogitScale scale, Tensor? weights)
    {
        if (remembered is null) return Losses(batch, map, scale, weights);
        var all = batch.WithNegatives(remembered);
        var losses = Losses(all, map, scale, weights);
        return losses with
        {
            Derivatives = () =>
            {
                var derivatives = losses.Derivatives();
                var total = all.LogNegatives.masked_fill(all.LogNegatives.isneginf(), Scalars.Zero);
                var ofMemory = remembered.RelativeTo(all.Reference ?? zeros_like(total));
                return derivatives with
                {
                    LogNegatives = derivatives.LogNegatives.mul(batch.LogNegatives.sub(total).exp()),
                    PositiveLogits = derivatives.ByPositiveLogits,
                    Remembered = derivatives.LogNegatives.mul(ofMemory.LogNegatives.sub(total).exp()),
                    IsRatio = false,
                };
            },
        };
    }

    /// <summary>
    /// Whether positives are summed by class: each has the same weight, and the sum of all of them keeps the digits of each, which takes
    /// cosines at a moderate temperature.
    /// </summary>
    private bool SumsByClass(PairMap map, LogitScale scale)
        => map.IsLabelsAlone && Variant.IsStandard && Memory is null && Mode != ContrastMode.Symmetric && PositiveSum == PositiveSum.OutsideLog
            && Similarity == SimilarityMeasure.Cosine && scale.Bound <= 128;

    /// <summary>SupCon's L_out: -1/k Σ_p s_ip + log Σ_j exp(s_ij), over all candidates.</summary>
    private ContrastiveResult ByClass(ContrastBatch batch, LogitScale scale)
    {
        var (missingPairs, matrix) = (MissingPairs, Matrix(batch.Anchors, batch.Candidates, batch.Map.WithoutPositives(), scale));
        var positives = new ClassPositives(matrix, scale, batch.Map);
        var weights = batch.Map.WeightsOfAnchors(matrix.Anchors.ComputeType);
        var byPositives = zeros_like(positives.Count);
        var (loss, skipped) = AnchorLosses.Of(matrix, Losses, Reduction, TakePositive, () =>
        {
            positives.PullBack(byPositives);
            return null;
        });
        return ContrastiveResult.OfValue(loss, skipped);

        AnchorLosses Losses(PairSums sums, long first, long rows)
        {
            var own = positives.Count.narrow(0, first, rows);
            // Every positive is another candidate to be told from.
            var missing = SkippedAnchors.Find(own, own, missingPairs);
            if (missing.Mask is { } mask) sums = sums.ZeroWhere(mask);
            var share = own.clamp_min(Scalars.One).reciprocal();
            var mean = positives.Sum.narrow(0, first, rows).mul(share);
            return new AnchorLosses(
                sums.Absolute(sums.LogNegatives).sub(mean),
                missing,
                () => new SumDerivatives(null, ones_like(mean), share.neg()),
                weights?.narrow(0, first, rows));
        }

        SumDerivatives TakePositive(SumDerivatives derivatives, long first, long rows)
            => InfoNCE.TakePositive(derivatives, byPositives.narrow(0, first, rows));
    }

    /// <summary>Puts the derivatives by positives that come apart, (n) zeros before, where they belong, and takes them out.</summary>
    private static SumDerivatives TakePositive(SumDerivatives derivatives, Tensor byPositive)
    {
        if (derivatives.LogPositives is { } inLog) byPositive.add_(inLog, Scalars.One);
        if (derivatives.ByPositiveLogits is { } linear) byPositive.add_(linear, Scalars.One);
        return derivatives with { LogPositives = null, PositiveLogits = null, IsRatio = false };
    }

    /// <summary>The loss with negatives of the caller's choice, checked before.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="positives">(N, D).</param>
    /// <param name="negatives">(M, D), or (N, M, D).</param>
    /// <param name="pairs">The map of the anchors and their negatives, or null.</param>
    /// <param name="scale">1/τ.</param>
    public ContrastiveResult WithNegatives(Tensor anchors, Tensor positives, Tensor negatives, PairMap? pairs, LogitScale scale)
    {
        var (settings, map) = (this, pairs ?? PairMap.Negatives(anchors.shape[0], negatives.shape[^2]));
        var (a, p) = (new FeatureRows(anchors, Similarity), new FeatureRows(positives, Similarity));
        var positive = scale.WithGraph(a.WithGraph()).mul(p.WithGraph()).sum(dim: 1);      // (N), with a graph
        var weights = map.WeightsOfAnchors(a.ComputeType);
        var fisher = Variant.MisesFisherSigma is { } sigma ? new MisesFisherWeights(a.WithGraph().mul(p.WithGraph()).sum(dim: 1), sigma) : null;
        if (negatives.dim() == 3)
        {
            var logits = new FeatureRows(negatives, Similarity).WithGraph().matmul(scale.WithGraph(a.WithGraph()).unsqueeze(2)).squeeze(2);     // (N, M)
            var all = new WholeMatrix(new PairTerms(map, Hardness: Variant.Hardness)).Sum(logits, bothDirections: false, relative: true).Anchors;
            var losses = Losses(all.WithPositive(positive), map, scale, weights, fisher);
            return ContrastiveResult.OfValue(losses.Reduce(Reduction), losses.Skipped.Count);
        }

        // The positives' derivatives go the way of the features' gradients.
        var matrix = Matrix(anchors, negatives, map, scale);
        var (value, byPositive) = (matrix.NeedsPullBack ? positive.detach() : positive, zeros_like(positive.detach()));
        if (fisher is null)
        {
            var (single, missing) = AnchorLosses.Of(
                matrix,
                (sums, first, count) => settings.Losses(
                    sums.WithPositive(value.narrow(0, first, count)), map, scale, weights?.narrow(0, first, count)),
                Reduction,
                TakePositive,
                () => (positive, byPositive));
            return ContrastiveResult.OfValue(single, missing);
        }

        var ofAll = matrix.Sum(bothDirections: false);
        fisher.IsOwnInput = matrix.NeedsPullBack;
        var weighted = Losses(ofAll.Anchors.WithPositive(value), map, scale, weights, fisher);
        (Tensor, Tensor)? leaf = null;
        if (matrix.NeedsPullBack)
        {
            var derivatives = weighted.DerivativesOf(Reduction, 1);
            ofAll.PullBack(TakePositive(derivatives, 0, anchors.shape[0]), null);
            leaf = fisher.Leaf(derivatives);
        }
        return ContrastiveResult.OfValue(matrix.Attach(weighted.Reduce(Reduction), 1, (positive, byPositive), leaf), weighted.Skipped.Count);

        SumDerivatives TakePositive(SumDerivatives derivatives, long first, long count)
            => InfoNCE.TakePositive(derivatives, byPositive.narrow(0, first, count));
    }

    private SimilarityMatrix Matrix(Tensor anchors, Tensor candidates, PairMap map, LogitScale scale, TargetRows? targets = null)
        => SimilarityMatrix.Of(
            new FeatureRows(anchors, Similarity),
            new FeatureRows(candidates, Similarity),
            scale,
            new PairTerms(map, Hardness: Variant.Hardness, Targets: targets),
            Tiling,
            Reduction != nn.Reduction.None);

    private AnchorLosses Losses(
        PairSums sums, PairMap map, LogitScale scale, Tensor? weights, MisesFisherWeights? fisher = null)
    {
        var skipped = sums.IsSinglePositive ? SkippedAnchors.None : Skipped(sums.Counts, map);
        if (skipped.Mask is { } mask) sums = sums.ZeroWhere(mask);

        if (HasTargets(map)) return Of(InfoNCEEquation.SoftTargets(sums), () => InfoNCEEquation.SoftTargetsDerivatives(sums));

        var debiased = Variant.HardNegatives is { PositivePrior: > 0 } hard ? DebiasedNegatives.Of(sums, hard.PositivePrior, scale) : null;
        if (debiased is not null) sums = sums.WithLogNegatives(debiased.Log);

        var positiveSum = PositiveSum;
        if (fisher is not null)
        {
            var factors = fisher.Of(skipped);
            return Of(InfoNCEEquation.WeightedPositive(sums, factors), () => Back(InfoNCEEquation.WeightedPositiveDerivatives(sums, factors)));
        }
        if (Variant.Decoupled)
            return Of(InfoNCEEquation.Decoupled(sums, positiveSum), () => Back(InfoNCEEquation.DecoupledDerivatives(sums, positiveSum)));
        if (sums.IsSinglePositive)
        {
            var difference = sums.LogNegatives.sub(sums.PositiveLogits);
            return Of(InfoNCEEquation.SinglePositive(difference), () => InfoNCEEquation.SinglePositiveDerivatives(difference));
        }
        return Of(
            InfoNCEEquation.SeveralPositives(sums, positiveSum),
            () => Back(InfoNCEEquation.SeveralPositivesDerivatives(sums, positiveSum)));

        SumDerivatives Back(SumDerivatives derivatives) => debiased is null ? derivatives : debiased.PullBack(derivatives);

        AnchorLosses Of(Tensor values, Func<SumDerivatives> derivatives) => new(values, skipped, derivatives, weights);
    }

    private bool HasTargets(PairMap map) => map.HasTargets || Variant.LabelSmoothing > 0;

    private SkippedAnchors Skipped(PairCounts counts, PairMap map)
    {
        if (HasTargets(map)) return SkippedAnchors.Find(counts.Positives, counts.Negatives.Plus(-1), MissingPairs);

        // Several positives outside the logarithm are contrasted with each other; of labels the published loss asks for a positive only.
        var others = Variant.Decoupled ? counts.Negatives
            : map.HasLabels ? counts.Negatives.Plus(counts.Numerator)
            : PositiveSum == PositiveSum.OutsideLog ? counts.Negatives.Plus(counts.Numerator).Plus(-1)
            : counts.Negatives;
        return SkippedAnchors.Find(counts.Numerator, others, MissingPairs);
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
