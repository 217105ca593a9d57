using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The similarity of test rows with the training rows that may be among their neighbours, and how far off it may be.</summary>
/// <remarks>
/// Rows not normalised are first scaled by one power of two, which rounds nothing, so that no square overflows:
/// similarities are those of the given rows divided by <see cref="Factor"/>.
/// </remarks>
internal sealed class NeighborScores
{
    private readonly ScoredRows _train;
    private readonly ScoredRows _test;
    private readonly bool _distance;
    private readonly double _rounding;
    private readonly double _tie;

    public NeighborScores(Tensor train, Tensor test, NeighborSimilarity similarity)
    {
        bool normalize = similarity == NeighborSimilarity.Cosine;
        _distance = similarity == NeighborSimilarity.Euclidean;
        double scale = normalize ? 1 : FeatureRows.PowerOfTwo(UnitRows.Widen(train), UnitRows.Widen(test));
        _train = new ScoredRows(train, normalize, scale);
        _test = new ScoredRows(test, normalize, scale);
        Factor = 1 / scale / scale;
        _rounding = FeatureRows.Rounding(_train.Rows);
        _tie = FeatureRows.TieTolerance(_train.Rows);
    }

    /// <summary>What a similarity is to be multiplied by to get that of the rows as given; may be infinite or zero.</summary>
    public double Factor { get; }

    /// <summary>The training rows nearest to some test rows, with all that tie with the last of them, descending, in float64.</summary>
    /// <param name="start">The first test row.</param>
    /// <param name="length">How many.</param>
    /// <param name="neighbors">k.</param>
    /// <returns>
    /// All (length, P), P ≥ k as many as any test row needs; what one needs less has a similarity of -∞ or does not tie.
    /// </returns>
    public Nearest Of(long start, long length, long neighbors)
    {
        using var scope = NewDisposeScope();
        var queries = _test.Rows.narrow(0, start, length);
        var scores = _distance ? ScoredRows.HalfSquaredDistances(queries, _train.Rows) : queries.matmul(_train.Rows.t());
        var inDoubt = MayBeNear(scores, start, neighbors);
        var exact = Exact(scores, inDoubt, start);
        var (similarities, rows) = exact.topk((int)inDoubt.sum(dim: 1).max().item<long>(), 1);
        var slack = Part(exact, start, _tie / 2).expand_as(exact).gather(1, rows);
        return new Nearest(
            similarities.MoveToOuterDisposeScope(), slack.MoveToOuterDisposeScope(), rows.MoveToOuterDisposeScope());
    }

    /// <summary>Which rows may be among the nearest or tie with the last of them, whatever rounding did, (length, N) bool.</summary>
    private Tensor MayBeNear(Tensor scores, long start, long neighbors)
    {
        // Neither rounding nor the tolerance of ties moves a similarity beyond these.
        var doubt = Part(scores, start, 2 * _rounding);
        var (low, high) = (scores - doubt, scores.Plus(doubt));
        var (nearest, _) = low.topk((int)neighbors, 1);
        // Which may be the last of the nearest, and then, which may tie with it.
        var last = high.ge(nearest.narrow(1, neighbors - 1, 1));
        return high.ge(low.masked_fill(last.logical_not(), Scalars.Infinity).amin([1], keepdim: true));
    }

    /// <summary>The similarities of the rows in question in float64, (length, N); -∞ of the others.</summary>
    private Tensor Exact(Tensor scores, Tensor wanted, long start)
    {
        if (_train.AreExact)
            return scores.masked_fill(wanted.logical_not(), Scalars.NegativeInfinity);
        var pairs = wanted.nonzero();                                                                  // (n, 2)
        var (i, j) = (pairs.select(1, 0).contiguous(), pairs.select(1, 1).contiguous());
        var values = ScoredRows.InTile(_test, (start, scores.shape[0]), _train, (0, _train.Count), i, j, _distance);
        var exact = full(
            scores.shape[0], _train.Count, Scalars.NegativeInfinity, dtype: ScalarType.Float64, device: values.device);
        exact.index_put_(values, [TensorIndex.Tensor(i.to(values.device)), TensorIndex.Tensor(j.to(values.device))]);
        return exact;
    }

    /// <summary>A relative error of products of lengths, or of squared distances.</summary>
    private Tensor Part(Tensor scores, long start, double relative)
    {
        // -2 s is the squared distance.
        if (_distance)
            return scores.masked_fill(scores.isinf(), Scalars.Zero).Times(-2 * relative);
        Tensor Lengths(ScoredRows rows) => rows.Lengths.to_type(scores.dtype).to(scores.device);
        return Lengths(_test).narrow(0, start, scores.shape[0]).unsqueeze(1).mul(Lengths(_train)).Times(relative);
    }

    /// <param name="Similarities">Descending, float64.</param>
    /// <param name="Slack">The part of each in how far apart two tied ones may lie.</param>
    /// <param name="Rows">The training rows, int64.</param>
    internal readonly record struct Nearest(Tensor Similarities, Tensor Slack, Tensor Rows);
}
