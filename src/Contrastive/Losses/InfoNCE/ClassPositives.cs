using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The positives of anchors by labels, without a look at the pairs: Σ_p s_ip = ⟨a_i, Σ_{p in class} b_p⟩ / τ, so the sums of each class's
/// rows are all it takes, O((N + C) D). With them SupCon's L_out needs of the matrix only log Σ_j exp(s_ij) over all candidates.
/// </summary>
internal sealed class ClassPositives
{
    private readonly ProductRows? _rows;
    private readonly Tensor _ofAnchors;
    private readonly Tensor _ofCandidates;
    private readonly Tensor _classSums;
    private readonly bool _excludesSelf;

    /// <param name="matrix">The similarities.</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="map">A map of labels, <see cref="PairMap.IsLabelsAlone"/>.</param>
    public ClassPositives(SimilarityMatrix matrix, LogitScale scale, PairMap map)
    {
        var (anchorLabels, candidateLabels) = map.Labels!.Value;
        (_ofAnchors, _ofCandidates, var classes) = Classes(anchorLabels, candidateLabels);
        (_rows, _excludesSelf) = (matrix.Rows, map.ExcludesSelf);
        var left = _rows?.Left ?? matrix.Anchors.WithGraph();
        var right = _rows?.Right ?? (ReferenceEquals(matrix.Anchors.Features, matrix.Candidates.Features) ? left : matrix.Candidates.WithGraph());
        var ones = ones_like(_ofCandidates, dtype: right.dtype);
        Count = zeros([classes], dtype: right.dtype, device: right.device).index_add_(0, _ofCandidates, ones, Scalars.One).index_select(0, _ofAnchors);
        if (_excludesSelf) Count = Count.Plus(-1);
        if (_rows is null)
        {
            _classSums = zeros([classes, left.shape[1]], dtype: left.dtype, device: left.device).index_add(0, _ofCandidates, right, Scalars.One);
            var positives = _classSums.index_select(0, _ofAnchors);
            Sum = scale.WithGraph(left.mul(_excludesSelf ? positives.sub(right) : positives).sum(dim: 1));
            return;
        }
        using var constant = no_grad();
        _classSums = SumByClass(right, _ofCandidates, classes);
        Sum = zeros(left.shape[0], dtype: left.dtype, device: left.device);
        foreach (var (rows, run) in Gather(_classSums, _ofAnchors, left.shape[0]))
        {
            var ofRun = rows.AnchorsOf(left);
            var positives = _excludesSelf ? run.sub_(rows.AnchorsOf(right)) : run;
            rows.AnchorsOf(Sum).copy_(positives.mul_(ofRun).sum(dim: 1));
        }
    }

    /// <summary>Σ_p s_ip, (N); with a graph where the matrix is formed at once.</summary>
    public Tensor Sum { get; }

    /// <summary>How many positives each anchor has, (N), in the dtype of the sums.</summary>
    public Tensor Count { get; }

    /// <summary>Adds the gradients by the rows, given the derivatives by <see cref="Sum"/>, w: w_i Σ_p b_p of anchor i, Σ w_i a_i of candidate p.</summary>
    /// <param name="bySum">w, (N).</param>
    public void PullBack(Tensor bySum)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var (weights, left, right) = (bySum.unsqueeze(1), _rows!.Left, _rows.Right);
        if (_rows.ByLeft is { } byLeft)
        {
            foreach (var (rows, run) in Gather(_classSums, _ofAnchors, byLeft.shape[0]))
            {
                if (_excludesSelf) run.sub_(rows.AnchorsOf(right));
                rows.AnchorsOf(byLeft).addcmul_(run, rows.AnchorsOf(weights), Scalars.One);
            }
        }
        // Of a set with itself both sides' gradients are by the rows without the scale, on the left.
        var (byOthers, source) = _rows.IsSelf ? (_rows.ByLeft, right) : (_rows.ByRight, left);
        if (byOthers is null) return;
        var weighted = SumByClass(source, _ofAnchors, _classSums.shape[0], weights);
        foreach (var (rows, run) in Gather(weighted, _ofCandidates, byOthers.shape[0]))
        {
            if (_excludesSelf) run.addcmul_(rows.AnchorsOf(source), rows.AnchorsOf(weights), Scalars.MinusOne);
            rows.AnchorsOf(byOthers).add_(run, Scalars.One);
        }
    }

    /// <summary>Σ w_i x_i over the rows of each class, (C, D).</summary>
    private static Tensor SumByClass(Tensor x, Tensor numbers, long classes, Tensor? weights = null)
    {
        var sums = Workspace.Empty([classes, x.shape[1]], x.dtype, x.device).zero_();
        if (weights is null) return sums.index_add_(0, numbers, x, Scalars.One);
        foreach (var (first, count) in Runs.OfRows(x.shape[0], x.shape[1]))
        {
            using var scope = NewDisposeScope();
            sums.index_add_(0, numbers.narrow(0, first, count), x.narrow(0, first, count).mul(weights.narrow(0, first, count)), Scalars.One);
        }
        return sums;
    }

    /// <summary>The rows of a table by their numbers, a run at a time. Each has a dispose scope of its own.</summary>
    private static IEnumerable<(PairBlock Rows, Tensor Run)> Gather(Tensor table, Tensor numbers, long total)
    {
        foreach (var (first, count) in Runs.OfRows(total, table.shape[1]))
        {
            using var scope = NewDisposeScope();
            yield return (new PairBlock(first, count, 0, 0), table.index_select(0, PairBlock.Run(numbers, first, count)));
        }
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
