using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Tests;

/// <summary>The losses as their formulas read, the whole matrix at once. Autograd gives their gradients.</summary>
internal static class Reference
{
    /// <summary>s_ij = ⟨a_i, b_j⟩ / τ, of unit vectors where the measure is the cosine.</summary>
    public static Tensor Similarity(Tensor a, Tensor b, Tensor temperature, SimilarityMeasure measure)
        => Similarities(a.unsqueeze(0), b.unsqueeze(0), temperature, measure)[0, 0];

    /// <summary>(N, M): the similarities of all pairs, with the logit bias.</summary>
    public static Tensor Similarities(Tensor a, Tensor b, Tensor temperature, SimilarityMeasure measure, double[,]? bias = null)
    {
        var s = Rows(a, measure).matmul(Rows(b, measure).t()) / temperature;
        return bias is null ? s : s.Plus(tensor(bias));
    }

    /// <summary>Features as similarities use them.</summary>
    public static Tensor Rows(Tensor features, SimilarityMeasure measure)
        => measure == SimilarityMeasure.Cosine ? features / (features * features).sum(-1, keepdim: true).sqrt() : features;

    /// <summary>(N): InfoNCE of each anchor, 0 for one that lacks a positive or a negative.</summary>
    public static Tensor InfoNCE(Tensor s, PairCase pairs, PositiveSum sum)
    {
        var positive = Mask(pairs, (i, j) => pairs.Kinds[i, j] == PairKind.Positive);
        var all = Mask(pairs, (i, j) => pairs.Kinds[i, j] != PairKind.Excluded);
        var count = positive.to(ScalarType.Float64).sum(1L).clamp_min(Scalars.One);
        var each = LogSum(s, all) - (sum == PositiveSum.OutsideLog
            ? s.masked_fill(positive.logical_not(), Scalars.Zero).sum(1L) / count
            : LogSum(s, positive) - count.log());
        return each.masked_fill(tensor(pairs.EachAnchor(i => !pairs.IsComplete(i, sum))), Scalars.Zero);
    }

    /// <summary>
    /// (N): InfoNCE's variants, log Z_i less the mean of the positives (or the logarithm of their exponentials' mean). Z_i is G_i, and
    /// unless decoupled the positives' exponentials; G_i = M Σ exp((1 + β) s) / Σ exp(β s) over the negatives, with a prior t
    /// max( (G_i - t M p) / (1 - t), M exp(-1/τ) ), p the mean of the positives' exponentials. 0 for an anchor that lacks a pair.
    /// </summary>
    public static Tensor Variant(Tensor s, PairCase pairs, PositiveSum sum, bool decoupled, double beta, double prior, Tensor temperature)
    {
        var losses = new List<Tensor>();
        for (var i = 0; i < pairs.Anchors; i++)
        {
            var positives = Of(PairKind.Positive);
            var negatives = Of(PairKind.Negative);
            if (!IsComplete(pairs, i, sum, decoupled))
            {
                losses.Add(s[i].sum() * 0);
                continue;
            }
            var count = negatives.shape[0];
            var z = zeros([], dtype: ScalarType.Float64);
            if (count > 0)
            {
                z = count * (negatives * (1 + beta)).exp().sum() / (negatives * beta).exp().sum();
                // The bound is a constant.
                if (prior > 0) z = ((z - (prior * count * positives.exp().mean())) / (1 - prior)).maximum(count * (-1 / temperature.detach()).exp());
            }
            if (!decoupled) z = z + positives.exp().sum();
            losses.Add(z.log() - (sum == PositiveSum.OutsideLog ? positives.mean() : positives.exp().mean().log()));

            Tensor Of(PairKind kind) => s[i].index_select(0, tensor(Enumerable.Range(0, pairs.Candidates).Where(j => pairs.Kinds[i, j] == kind).Select(j => (long)j).ToArray()));
        }
        return stack(losses);
    }

    /// <summary>Whether a variant is defined for an anchor.</summary>
    public static bool IsComplete(PairCase pairs, int anchor, PositiveSum sum, bool decoupled)
        => decoupled ? pairs.IsComplete(anchor) : pairs.IsComplete(anchor, sum);

    /// <summary>w_i ℓ_i, their sum, or the weighted mean over the anchors that count.</summary>
    public static Tensor Reduce(Tensor perAnchor, Tensor weights, bool[] counts, nn.Reduction reduction)
    {
        var weighted = perAnchor * weights;
        var total = (weights * tensor(counts).to(ScalarType.Float64)).sum();
        return reduction switch
        {
            nn.Reduction.None => weighted,
            nn.Reduction.Sum => weighted.sum(),
            _ => weighted.sum() / (total.item<double>() == 0 ? ones_like(total) : total),
        };
    }

    /// <summary>(N, M): -log σ(z s) of each pair, z = 1 of a positive and -1 of a negative; 0 of an excluded one.</summary>
    public static Tensor Sigmoid(Tensor s, PairCase pairs)
    {
        var positive = Mask(pairs, (i, j) => pairs.Kinds[i, j] == PairKind.Positive);
        var excluded = Mask(pairs, (i, j) => pairs.Kinds[i, j] == PairKind.Excluded);
        var z = positive.to(ScalarType.Float64) * 2 - 1;
        return (1 / (1 + (-(z * s)).exp())).log().neg().masked_fill(excluded, Scalars.Zero);
    }

    /// <summary>log Z̃_i = log( Σ_known exp(s_ij) + c_i Σ_sampled exp(s_ij) ), with log c_i.</summary>
    public static (double LogEstimate, double LogScale) Partition(
        double[,] s, PairCase pairs, int anchor, long? population, PositiveSampling sampling)
    {
        var sums = PartitionTerms.Of(s, pairs, anchor, sampling);
        var scale = sums.LogScale(population);
        return (sums.LogEstimate(scale), scale);
    }

    /// <summary>ℓ_i = -1/k Σ_p s_ip + w_i Σ_known exp(s_ij) + w_i c_i Σ_sampled exp(s_ij), w_i = u_i / k, (N).</summary>
    public static Tensor Augmented(Tensor s, PairCase pairs, double[] logWeights, double[] logScale, PositiveSampling sampling)
    {
        var factors = new double[pairs.Anchors, pairs.Candidates];
        var shares = new double[pairs.Anchors, pairs.Candidates];
        for (var i = 0; i < pairs.Anchors; i++)
        {
            var positives = pairs.Positives(i);
            for (var j = 0; j < pairs.Candidates; j++)
            {
                factors[i, j] = pairs.Kinds[i, j] == PairKind.Excluded ? double.NegativeInfinity
                    : logWeights[i] + (pairs.IsKnown(i, j, sampling) ? 0 : logScale[i]);
                shares[i, j] = pairs.Kinds[i, j] == PairKind.Positive ? 1.0 / positives : 0;
            }
        }
        return s.Plus(tensor(factors)).exp().sum(1L) - (s * tensor(shares)).sum(1L);
    }

    /// <summary>log Σ exp over the pairs of a mask, (N); of none it is -∞ and has no gradient.</summary>
    public static Tensor LogSum(Tensor s, Tensor mask)
    {
        var others = mask.logical_not();
        var empty = others.all(1);
        var largest = s.detach().masked_fill(others, Scalars.NegativeInfinity).amax(1).masked_fill(empty, Scalars.Zero);
        var sum = (s - largest.unsqueeze(1)).masked_fill(others, Scalars.NegativeInfinity).exp().sum(1L);
        return sum.masked_fill(empty, Scalars.One).log().Plus(largest).masked_fill(empty, Scalars.NegativeInfinity);
    }

    public static double[,] Values(Tensor matrix)
    {
        var (flat, values) = (matrix.detach().contiguous().data<double>().ToArray(), new double[matrix.shape[0], matrix.shape[1]]);
        Buffer.BlockCopy(flat, 0, values, 0, flat.Length * sizeof(double));
        return values;
    }

    public static double LogAdd(double a, double b)
    {
        var largest = Math.Max(a, b);
        return double.IsNegativeInfinity(largest) ? largest : largest + Math.Log(Math.Exp(a - largest) + Math.Exp(b - largest));
    }

    private static Tensor Mask(PairCase pairs, Func<int, int, bool> holds)
    {
        var mask = new bool[pairs.Anchors, pairs.Candidates];
        for (var i = 0; i < pairs.Anchors; i++)
            for (var j = 0; j < pairs.Candidates; j++)
                mask[i, j] = holds(i, j);
        return tensor(mask);
    }
}

/// <summary>What an anchor's partition function is made of: how many terms of each kind, and the logarithms of their sums.</summary>
internal sealed record PartitionTerms(double LogPositives, double LogNegatives, int Positives, int Negatives)
{
    public static PartitionTerms Of(double[,] s, PairCase pairs, int anchor, PositiveSampling sampling)
    {
        var terms = new PartitionTerms(double.NegativeInfinity, double.NegativeInfinity, 0, 0);
        for (var j = 0; j < pairs.Candidates; j++)
        {
            if (pairs.Kinds[anchor, j] == PairKind.Excluded) continue;
            terms = pairs.IsKnown(anchor, j, sampling)
                ? terms with { LogPositives = Reference.LogAdd(terms.LogPositives, s[anchor, j]), Positives = terms.Positives + 1 }
                : terms.WithNegative(s[anchor, j]);
        }
        return terms;
    }

    public PartitionTerms WithNegative(double s) => this with { LogNegatives = Reference.LogAdd(LogNegatives, s), Negatives = Negatives + 1 };

    /// <summary>log c, each negative standing for (N - positives) / negatives, or for itself where N is not known.</summary>
    public double LogScale(long? population) => population is { } n ? Math.Log((double)(n - Positives) / Math.Max(1, Negatives)) : 0;

    public double LogEstimate(double logScale) => Reference.LogAdd(LogPositives, LogNegatives + logScale);
}
