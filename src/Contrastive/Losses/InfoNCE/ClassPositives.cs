using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The positives of anchors by labels, without a look at the pairs: Σ_p s_ip = ⟨a_i, Σ_{p in class} b_p⟩ / τ, so the sums of each class's
/// rows are all it takes, O((N + C) D). With them SupCon's L_out needs of the matrix only log Σ_j exp(s_ij) over all candidates.
/// </summary>
/// <param name="Sum">Σ_p s_ip, (N), with a graph.</param>
/// <param name="Count">How many positives each anchor has, (N), in the dtype of the sums.</param>
internal readonly record struct ClassPositives(Tensor Sum, Tensor Count)
{
    /// <summary>The positives of each anchor.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="candidates">(M, D); the anchors themselves for one set compared with itself.</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="map">A map of labels, <see cref="PairMap.IsLabelsAlone"/>.</param>
    public static ClassPositives Of(FeatureRows anchors, FeatureRows candidates, LogitScale scale, PairMap map)
    {
        var (anchorLabels, candidateLabels) = map.Labels!.Value;
        var isSelf = map.ExcludesSelf;
        var rows = anchors.WithGraph();
        var others = ReferenceEquals(anchors.Features, candidates.Features) ? rows : candidates.WithGraph();
        var (ofAnchors, ofCandidates, classes) = Classes(anchorLabels, candidateLabels);

        var sums = zeros([classes, rows.shape[1]], dtype: rows.dtype, device: rows.device).index_add(0, ofCandidates, others, Scalars.One);
        var counts = zeros([classes], dtype: rows.dtype, device: rows.device)
            .index_add_(0, ofCandidates, ones([others.shape[0]], dtype: rows.dtype, device: rows.device), Scalars.One);
        var (positives, count) = (sums.index_select(0, ofAnchors), counts.index_select(0, ofAnchors));
        if (isSelf) (positives, count) = (positives.sub(others), count.Plus(-1));
        return new ClassPositives(scale.WithGraph(rows.mul(positives).sum(dim: 1)), count);
    }

    /// <summary>Labels as numbers from 0 on, and how many there are. Waits for the device.</summary>
    private static (Tensor OfAnchors, Tensor OfCandidates, long Count) Classes(Tensor anchors, Tensor candidates)
    {
        var isOne = ReferenceEquals(anchors, candidates);
        var all = isOne ? anchors : cat([anchors.to(ScalarType.Int64), candidates.to(ScalarType.Int64)]);
        var (labels, numbers, _) = all.unique(sorted: true, return_inverse: true);
        var ofAnchors = isOne ? numbers! : numbers!.narrow(0, 0, anchors.shape[0]);
        return (ofAnchors, isOne ? numbers! : numbers!.narrow(0, anchors.shape[0], candidates.shape[0]), labels.shape[0]);
    }
}
