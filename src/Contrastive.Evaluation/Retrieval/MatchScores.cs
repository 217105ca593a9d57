using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>Each query's best match: its score, how far off that may be, and how many matches share it.</summary>
internal sealed class MatchScores
{
    private const long BlockElements = 1 << 20;

    private readonly double[] _best;
    private readonly double[] _tolerance;

    private MatchScores(Matches.Side side, double[] queryLengths, double[] matchLengths, double rounding)
    {
        Ties = new long[side.Rows];
        _best = new double[side.Rows];
        _tolerance = new double[side.Rows];
        Array.Fill(_best, double.NegativeInfinity);
        for (long row = 0; row < side.Rows; row++)
        {
            double longest = 0;
            for (long match = side.First[row]; match < side.End[row]; match++)
                longest = Math.Max(longest, matchLengths[match]);
            _tolerance[row] = rounding * queryLengths[row] * longest;
            Ties[row] = Math.Min(side.End[row] - side.First[row], 1);
        }
    }

    /// <summary>How many matches of each query score as its best one does, that one among them; 0 where it has none.</summary>
    public long[] Ties { get; }

    /// <summary>The scores of both directions.</summary>
    /// <param name="left">(N, D), in the order of the matches.</param>
    /// <param name="right">(M, D), likewise.</param>
    /// <param name="matches">What belongs together.</param>
    public static (MatchScores Left, MatchScores Right) Of(Tensor left, Tensor right, Matches matches)
    {
        double rounding = FeatureRows.Rounding(left);
        double[] leftLengths = FeatureRows.Doubles(FeatureRows.Lengths(left));
        double[] rightLengths = FeatureRows.Doubles(FeatureRows.Lengths(right));
        var forward = new MatchScores(matches.Left, leftLengths, rightLengths, rounding);
        var backward = new MatchScores(matches.Right, rightLengths, leftLengths, rounding);
        Each(left, right, matches, (i, j, score) =>
        {
            forward._best[i] = Math.Max(forward._best[i], score);
            backward._best[j] = Math.Max(backward._best[j], score);
        });
        if (!matches.Left.HasSeveral && !matches.Right.HasSeveral)
            return (forward, backward);

        Array.Clear(forward.Ties);
        Array.Clear(backward.Ties);
        Each(left, right, matches, (i, j, score) =>
        {
            forward.Ties[i] += score >= forward._best[i] - forward._tolerance[i] ? 1 : 0;
            backward.Ties[j] += score >= backward._best[j] - backward._tolerance[j] ? 1 : 0;
        });
        return (forward, backward);
    }

    /// <summary>The least scores above each best one, and the least that tie with it, of shape (N).</summary>
    public (Tensor Above, Tensor AtLeast) Bounds(Tensor like)
    {
        using var scope = NewDisposeScope();
        var above = tensor(_best.Zip(_tolerance, (best, tolerance) => best + tolerance).ToArray());
        var below = tensor(_best.Zip(_tolerance, (best, tolerance) => best - tolerance).ToArray());
        return (
            above.to_type(like.dtype).to(like.device).MoveToOuterDisposeScope(),
            below.to_type(like.dtype).to(like.device).MoveToOuterDisposeScope());
    }

    private static void Each(Tensor left, Tensor right, Matches matches, Action<long, long, double> visit)
    {
        foreach (var (i, j) in matches.InBlocks(Chunks.Size(null, left.shape[1], BlockElements)))
        {
            using var block = NewDisposeScope();
            var products = left.index_select(0, tensor(i).to(left.device)) * right.index_select(0, tensor(j).to(left.device));
            double[] scores = FeatureRows.Doubles(products.sum(dim: 1));
            for (int pair = 0; pair < scores.Length; pair++)
                visit(i[pair], j[pair], scores[pair]);
        }
    }
}
