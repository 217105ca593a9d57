using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>Each query's best match: its score in float64, and how many matches share it.</summary>
/// <remarks>
/// A candidate c ties with the best match m of a query q where their scores are no further apart than τ/2 ‖q‖ (‖m‖ + ‖c‖), with τ
/// of <see cref="FeatureRows.TieTolerance"/>. (Of several matches, the longest one's ‖m‖.)
/// </remarks>
internal sealed class MatchScores
{
    private const long BlockElements = 1 << 20;

    private readonly double[] _best;
    private readonly double[] _queryLengths;
    private readonly double[] _longestMatch;
    private readonly double _rounding;
    private readonly double _tie;

    private MatchScores(Matches.Side side, ScoredRows queries, double[] queryLengths, double[] matchLengths)
    {
        Ties = new long[side.Rows];
        _queryLengths = queryLengths;
        _rounding = FeatureRows.Rounding(queries.Rows);
        _tie = FeatureRows.TieTolerance(queries.Rows);
        _best = new double[side.Rows];
        _longestMatch = new double[side.Rows];
        Array.Fill(_best, double.NegativeInfinity);
        for (long row = 0; row < side.Rows; row++)
        {
            for (long match = side.First[row]; match < side.End[row]; match++)
                _longestMatch[row] = Math.Max(_longestMatch[row], matchLengths[match]);
            Ties[row] = Math.Min(side.End[row] - side.First[row], 1);
        }
    }

    /// <summary>The best match's score, (N) float64, as are all three.</summary>
    private Tensor Best { get; set; } = null!;

    /// <summary>The length of each query.</summary>
    private Tensor Lengths { get; set; } = null!;

    /// <summary>The part of the tolerance that comes from the best match.</summary>
    private Tensor OwnTolerance { get; set; } = null!;

    /// <summary>How many matches of each query score as its best one does, that one among them; 0 where it has none.</summary>
    public long[] Ties { get; }

    /// <summary>The scores of both directions.</summary>
    /// <param name="left">(N, D), in the order of the matches.</param>
    /// <param name="right">(M, D), likewise.</param>
    /// <param name="matches">What belongs together.</param>
    public static (MatchScores Left, MatchScores Right) Of(ScoredRows left, ScoredRows right, Matches matches)
    {
        double[] leftLengths = FeatureRows.Doubles(left.Lengths), rightLengths = FeatureRows.Doubles(right.Lengths);
        var forward = new MatchScores(matches.Left, left, leftLengths, rightLengths);
        var backward = new MatchScores(matches.Right, right, rightLengths, leftLengths);
        Each(left, right, matches, (i, j, score) =>
        {
            forward._best[i] = Math.Max(forward._best[i], score);
            backward._best[j] = Math.Max(backward._best[j], score);
        });
        if (!matches.Left.HasSeveral && !matches.Right.HasSeveral)
            return (forward.On(left.Rows.device), backward.On(left.Rows.device));

        Array.Clear(forward.Ties);
        Array.Clear(backward.Ties);
        Each(left, right, matches, (i, j, score) =>
        {
            forward.Ties[i] += score >= forward._best[i] - forward.Tolerance(i, rightLengths[j]) ? 1 : 0;
            backward.Ties[j] += score >= backward._best[j] - backward.Tolerance(j, leftLengths[i]) ? 1 : 0;
        });
        return (forward.On(left.Rows.device), backward.On(left.Rows.device));
    }

    /// <summary>
    /// The bounds beyond which a score as computed in the features' dtype leaves no doubt, (rows, 1): more than the first is above
    /// the best match, less than the second below it.
    /// </summary>
    /// <param name="rows">The queries.</param>
    /// <param name="longest">The length of the longest candidate, ().</param>
    public (Tensor Above, Tensor AtLeast) Bounds((long First, long Count) rows, Tensor longest)
    {
        using var scope = NewDisposeScope();
        Tensor Of(Tensor each) => each.narrow(0, rows.First, rows.Count).to_type(longest.dtype).to(longest.device).unsqueeze(1);
        var best = Of(Best);
        var doubt = Of(Lengths).Times(_rounding + (_tie / 2)).mul(longest).Plus(Of(OwnTolerance));
        return (best.Plus(doubt).MoveToOuterDisposeScope(), (best - doubt).MoveToOuterDisposeScope());
    }

    /// <summary>Where some candidates stand to the best matches of their queries, by scores in float64.</summary>
    /// <param name="scores">(n) float64.</param>
    /// <param name="queries">The query of each score, (n) int64.</param>
    /// <param name="lengths">The length of each candidate, (n) float64.</param>
    /// <returns>Which are above, and which above or tied, (n) bool.</returns>
    public (Tensor Above, Tensor AtLeast) Stand(Tensor scores, Tensor queries, Tensor lengths)
    {
        using var scope = NewDisposeScope();
        Tensor Of(Tensor each) => each.to(scores.device).index_select(0, queries);
        var margin = scores - Of(Best);
        var tolerance = Of(Lengths).Times(_tie / 2).mul(lengths).Plus(Of(OwnTolerance));
        return (margin.gt(tolerance).MoveToOuterDisposeScope(), margin.ge(tolerance.neg()).MoveToOuterDisposeScope());
    }

    /// <summary>Makes the tensors that <see cref="Bounds"/> and <see cref="Stand"/> need, in the caller's dispose scope.</summary>
    private MatchScores On(Device device)
    {
        Tensor Of(IEnumerable<double> values) => tensor(values.ToArray()).to(device.type == DeviceType.MPS ? CPU : device);
        Best = Of(_best);
        Lengths = Of(_queryLengths);
        OwnTolerance = Of(_longestMatch.Select((length, query) => _tie / 2 * _queryLengths[query] * length));
        return this;
    }

    private double Tolerance(long query, double candidateLength)
        => _tie / 2 * _queryLengths[query] * (_longestMatch[query] + candidateLength);

    private static void Each(ScoredRows left, ScoredRows right, Matches matches, Action<long, long, double> visit)
    {
        foreach (var (i, j) in matches.InBlocks(Chunks.Size(null, left.Rows.shape[1], BlockElements)))
        {
            using var block = NewDisposeScope();
            double[] scores = FeatureRows.Doubles(
                ScoredRows.Pairs(left, tensor(i).to(left.Rows.device), right, tensor(j).to(right.Rows.device)));
            for (int pair = 0; pair < scores.Length; pair++)
                visit(i[pair], j[pair], scores[pair]);
        }
    }
}
