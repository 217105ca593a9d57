using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The sums of a matrix that is formed at once, with a graph: derivatives of any order are exact.</summary>
/// <param name="pairs">What the pairs are to each other.</param>
internal sealed class WholeMatrix(PairTerms pairs)
{
    private readonly PairBlock _whole = new(0, pairs.Map.AnchorCount, 0, pairs.Map.CandidateCount);

    /// <param name="logits">⟨a_i, b_j⟩ / τ, (N, M), which is changed.</param>
    /// <param name="bothDirections">Whether the candidates' sums are asked for.</param>
    /// <param name="relative">Whether similarities may be so large that sums have to be relative to the largest.</param>
    public ContrastSums Sum(Tensor logits, bool bothDirections, bool relative)
    {
        pairs.Map.AddBias(logits, _whole);
        if (pairs.Pattern is { } pattern)
        {
            var (anchors, candidates) = Positives(logits, bothDirections);
            pattern.Mask_(logits, _whole);
            return new ContrastSums(
                OnDiagonals(logits, 1, anchors, relative),
                bothDirections ? OnDiagonals(logits, 0, candidates!, relative) : null);
        }
        var masks = pairs.Map.Masks(_whole, pairs.Sampling, logits.device);
        if (pairs.Targets is not null)
            return new ContrastSums(Targeted(logits, 1, masks), bothDirections ? Targeted(logits, 0, masks) : null);
        return new ContrastSums(Masked(logits, 1, masks, relative), bothDirections ? Masked(logits, 0, masks, relative) : null);
    }

    /// <summary>The positive's similarity of each anchor and of each candidate; 0 where there is none.</summary>
    private (Tensor Anchors, Tensor? Candidates) Positives(Tensor logits, bool bothDirections)
    {
        DiagonalSegment[] segments = [.. DiagonalSegment.Of(pairs.Pattern!.Positives, _whole)];
        if (segments is [{ Row: 0, Column: 0 } only] && only.Count == _whole.Anchors && only.Count == _whole.Candidates)
        {
            var diagonal = logits.diagonal(0, 0, 1).clone();
            return (diagonal, diagonal);
        }
        var anchors = zeros(_whole.Anchors, dtype: logits.dtype, device: logits.device);
        var candidates = bothDirections ? zeros(_whole.Candidates, dtype: logits.dtype, device: logits.device) : null;
        foreach (var segment in segments)
        {
            var positive = logits.diagonal(segment.Offset, 0, 1).clone();
            anchors.narrow(0, segment.Row, segment.Count).copy_(positive);
            candidates?.narrow(0, segment.Column, segment.Count).copy_(positive);
        }
        return (anchors, candidates);
    }

    private PairSums OnDiagonals(Tensor negatives, int dimension, Tensor positive, bool relative)
    {
        var oriented = dimension == 1 ? pairs.Pattern! : pairs.Pattern!.Transpose();
        var whole = dimension == 1 ? _whole : _whole.Transpose();
        var isSinglePositive = oriented.IsSinglePositive(whole);
        Tensor? reference = null;
        if (relative)
        {
            // Where there is no other candidate, the positive is the largest.
            var largest = negatives.detach().amax([dimension]);
            reference = largest.where(largest.isneginf().logical_not(), positive.detach());
            negatives = negatives.sub(reference.unsqueeze(dimension));
            positive = positive.sub(reference);
        }
        var logNegatives = isSinglePositive && !pairs.Map.HasLogitBias ? negatives.logsumexp(dimension) : LogSum(negatives, dimension);
        PairCounts Count() => oriented.Count(whole, negatives.detach());
        if (isSinglePositive) return new PairSums(positive, logNegatives, positive, reference, isSinglePositive, Count);

        var none = Count().Positives.eq(Scalars.Zero);
        return new PairSums(
            positive.masked_fill(none, Scalars.NegativeInfinity), logNegatives, positive.masked_fill(none, Scalars.Zero), reference, isSinglePositive, Count);
    }

    private PairSums Masked(Tensor logits, int dimension, PairMasks masks, bool relative)
    {
        var (notPositive, notNegative) = (masks.Positives.logical_not(), masks.Negatives.logical_not());
        Tensor? reference = null;
        if (relative)
        {
            var largest = logits.detach().masked_fill(notPositive.logical_and(notNegative), Scalars.NegativeInfinity).amax([dimension]);
            reference = largest.masked_fill(largest.isneginf(), Scalars.Zero);
            logits = logits.sub(reference.unsqueeze(dimension));
        }
        return new PairSums(
            LogSum(logits.masked_fill(notPositive, Scalars.NegativeInfinity), dimension),
            pairs.Hardness is { } beta
                ? Weighted(logits, notNegative, dimension, beta)
                : LogSum(logits.masked_fill(notNegative, Scalars.NegativeInfinity), dimension),
            logits.masked_fill(masks.Numerator.logical_not(), Scalars.Zero).sum(dim: dimension),
            reference,
            isSinglePositive: false,
            () => new PairCounts(Count(masks.Positives), Count(masks.Negatives), Count(masks.Numerator)));

        Tensor Count(Tensor mask) => mask.sum(dim: dimension).to(logits.dtype);
    }

    /// <summary>Every pair in the denominator, in the negatives' place, and in the numerator with its weight.</summary>
    private PairSums Targeted(Tensor logits, int dimension, PairMasks masks)
    {
        var notAllowed = masks.Positives.logical_or(masks.Negatives).logical_not();
        var weights = pairs.Targets!.Weights(dimension, _whole, masks, notAllowed, empty_like(logits.detach()));
        var largest = logits.detach().masked_fill(notAllowed, Scalars.NegativeInfinity).amax([dimension]);
        var reference = largest.masked_fill(largest.isneginf(), Scalars.Zero);
        logits = logits.sub(reference.unsqueeze(dimension));
        var logAll = LogSum(logits.masked_fill(notAllowed, Scalars.NegativeInfinity), dimension);
        var numerator = logits.masked_fill(weights.eq(Scalars.Zero), Scalars.Zero).mul(weights).sum(dim: dimension);
        var counts = pairs.Targets.Direction(dimension).Counts with { Numerator = weights.sum(dim: dimension) };
        return new PairSums(logAll, logAll, numerator, reference, isSinglePositive: false, () => counts);
    }

    /// <summary>log( M Σ exp((1 + β) s) / Σ exp(β s) ) over the M negatives; -∞ of none.</summary>
    private static Tensor Weighted(Tensor logits, Tensor notNegative, int dimension, double beta)
    {
        var none = notNegative.all(dimension);
        // Without weights a similarity of -∞ is a negative as any other: -∞ times 0 is not to be.
        var weights = beta == 0 ? zeros_like(logits.detach()) : logits.Times(beta);
        var count = notNegative.logical_not().sum(dim: dimension).to(logits.dtype).clamp_min(Scalars.One);
        return LogSum(logits.Times(1 + beta).masked_fill(notNegative, Scalars.NegativeInfinity), dimension)
            .sub(LogSum(weights.masked_fill(notNegative, Scalars.NegativeInfinity), dimension).masked_fill(none, Scalars.Zero))
            .Plus(count.log());
    }

    /// <summary>log Σ exp; of nothing but -∞ it is -∞, and has no gradient instead of NaN.</summary>
    private static Tensor LogSum(Tensor logits, int dimension)
    {
        if (!logits.requires_grad) return logits.logsumexp(dimension);
        var empty = logits.isneginf().all(dimension, keepdim: true);
        return logits.masked_fill(empty, Scalars.Zero).logsumexp(dimension, keepdim: true)
            .masked_fill(empty, Scalars.NegativeInfinity).squeeze(dimension);
    }
}
