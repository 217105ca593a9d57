using static TorchSharp.torch;

namespace Contrastive.Tests;

/// <summary>The losses as their formulas read: pair by pair, nothing clever. Autograd gives their gradients.</summary>
internal static class Reference
{
    /// <summary>s_ij = ⟨a_i, b_j⟩ / τ, of unit vectors where the measure is the cosine.</summary>
    public static Tensor Similarity(Tensor a, Tensor b, Tensor temperature, SimilarityMeasure measure)
    {
        var dot = (a * b).sum();
        if (measure == SimilarityMeasure.Cosine) dot = dot / ((a * a).sum().sqrt() * (b * b).sum().sqrt());
        return dot / temperature;
    }

    public static Tensor[,] Similarities(Tensor a, Tensor b, Tensor temperature, SimilarityMeasure measure, double[,]? bias = null)
    {
        var s = new Tensor[a.shape[0], b.shape[0]];
        for (var i = 0; i < a.shape[0]; i++)
            for (var j = 0; j < b.shape[0]; j++)
                s[i, j] = Similarity(a[i], b[j], temperature, measure) + (bias?[i, j] ?? 0);
        return s;
    }

    /// <summary>(N): InfoNCE of each anchor, 0 for one that lacks a positive or a negative.</summary>
    public static Tensor InfoNCE(Tensor[,] s, PairCase pairs, PositiveSum sum)
    {
        var losses = new List<Tensor>();
        for (var i = 0; i < pairs.Anchors; i++)
        {
            if (!pairs.IsComplete(i, sum))
            {
                losses.Add(s[i, 0] * 0);
                continue;
            }
            var all = Of(i, PairKind.Positive).Concat(Of(i, PairKind.Negative)).Select(x => x.exp()).Aggregate((x, y) => x + y);
            var positives = Of(i, PairKind.Positive).ToArray();
            losses.Add(sum == PositiveSum.OutsideLog
                ? positives.Select(p => -(p.exp() / all).log()).Aggregate((x, y) => x + y) / positives.Length
                : -(positives.Select(p => p.exp() / all).Aggregate((x, y) => x + y) / positives.Length).log());
        }
        return stack(losses);

        IEnumerable<Tensor> Of(int i, PairKind kind)
            => Enumerable.Range(0, pairs.Candidates).Where(j => pairs.Kinds[i, j] == kind).Select(j => s[i, j]);
    }

    /// <summary>Z̃_i = Σ_known exp(s_ij) + c_i Σ_sampled exp(s_ij), with c_i.</summary>
    public static (double Estimate, double Scale) Partition(
        Tensor[,] s, PairCase pairs, int anchor, long? population, PositiveSampling sampling)
    {
        double known = 0, sampled = 0;
        int knownCount = 0, sampledCount = 0;
        for (var j = 0; j < pairs.Candidates; j++)
        {
            if (pairs.Kinds[anchor, j] == PairKind.Excluded) continue;
            var value = Math.Exp(s[anchor, j].item<double>());
            if (IsKnown(pairs, anchor, j, sampling)) (known, knownCount) = (known + value, knownCount + 1);
            else (sampled, sampledCount) = (sampled + value, sampledCount + 1);
        }
        var scale = population is { } n ? (double)(n - knownCount) / sampledCount : 1;
        return (known + (scale * sampled), scale);
    }

    /// <summary>ℓ_i = -1/k Σ_p s_ip + w_i Σ_known exp(s_ij) + w_i c_i Σ_sampled exp(s_ij), w_i = u_i / k.</summary>
    public static Tensor Augmented(Tensor[,] s, PairCase pairs, int anchor, double weight, double scale, PositiveSampling sampling)
    {
        var loss = s[anchor, 0] * 0;
        var positives = pairs.Row(anchor).Count(kind => kind == PairKind.Positive);
        for (var j = 0; j < pairs.Candidates; j++)
        {
            if (pairs.Kinds[anchor, j] == PairKind.Excluded) continue;
            if (pairs.Kinds[anchor, j] == PairKind.Positive) loss = loss - (s[anchor, j] / positives);
            loss = loss + (s[anchor, j].exp() * (weight * (IsKnown(pairs, anchor, j, sampling) ? 1 : scale)));
        }
        return loss;
    }

    private static bool IsKnown(PairCase pairs, int i, int j, PositiveSampling sampling)
        => pairs.Kinds[i, j] == PairKind.Positive && (sampling == PositiveSampling.Complete || i == j);
}
