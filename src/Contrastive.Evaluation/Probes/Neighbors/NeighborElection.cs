using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The vote of the nearest neighbours; see <see cref="NearestNeighborProbe"/>.</summary>
/// <param name="classOfRow">The class of each training row, (N) int64.</param>
/// <param name="classes">The number of classes C.</param>
/// <param name="neighbors">k.</param>
/// <param name="sharpness">Votes weigh exp(sharpness · similarity); 0 for a majority.</param>
internal sealed class NeighborElection(Tensor classOfRow, long classes, long neighbors, double sharpness)
{
    // Infinity times a difference of 0 would be NaN; this much is as good.
    private readonly double _sharpness = Math.Min(sharpness, 1e30);

    private readonly Dictionary<string, double> _drawn = [];

    /// <summary>How right the vote is for each query, from 0 to 1: the expected value where rows or classes tie.</summary>
    /// <param name="candidates">The training rows near the queries, (length, P).</param>
    /// <param name="expected">The class each query has, (length) int64; -1 is never right.</param>
    public double[] Hits(NeighborScores.Nearest candidates, Tensor expected)
    {
        using var scope = NewDisposeScope();
        var (similarities, slack, rows) = candidates;
        var (first, last) = (similarities.narrow(1, 0, 1), similarities.narrow(1, neighbors - 1, 1));
        var lastSlack = slack.narrow(1, neighbors - 1, 1);
        var above = (similarities - slack).gt(last.Plus(lastSlack));
        var tied = similarities.Plus(slack).ge(last - lastSlack).logical_and_(above.logical_not());
        using var k = neighbors.ToScalar();
        var seats = above.sum(dim: 1).neg_().add_(k, Scalars.OneIndex);                      // for the tied rows together

        var classOf = classOfRow.to(rows.device).index_select(0, rows.view(-1)).view_as(rows);
        Tensor ByClass(Tensor values) => zeros(values.shape[0], classes, dtype: values.dtype, device: values.device)
            .scatter_add_(1, classOf, values);                                               // (length, C)
        var votes = ByClass((similarities - first).masked_fill_(above.logical_not(), Scalars.Zero).Times(_sharpness).exp_().mul_(above));
        var contested = ByClass(tied.to_type(ScalarType.Float64));
        // All tied rows are equally similar.
        var weight = (last - first).Times(_sharpness).exp_().squeeze(1);

        // Each weight is off by the factor exp(sharpness · tolerance), and their sum of k terms by k roundings more.
        var widest = slack.masked_fill(above.logical_or(tied).logical_not(), Scalars.Zero).amax([1]);
        var closeness = widest.Times(4 * _sharpness).Plus(neighbors * FeatureRows.Epsilon(ScalarType.Float64));
        return Count(
            votes.cpu(), contested.cpu(), seats.cpu().data<long>().ToArray(), FeatureRows.Doubles(weight),
            FeatureRows.Doubles(closeness), expected.cpu().data<long>().ToArray());
    }

    private double[] Count(
        Tensor votes, Tensor contested, long[] seats, double[] weights, double[] closeness, long[] expected)
    {
        double[] allVotes = votes.data<double>().ToArray(), allContested = contested.data<double>().ToArray();
        double[] hits = new double[expected.Length];
        for (int query = 0; query < hits.Length; query++)
        {
            if (expected[query] < 0)
                continue;
            var mine = allVotes.AsSpan((int)(query * classes), (int)classes);
            var tied = allContested.AsSpan((int)(query * classes), (int)classes);
            var own = (mine[(int)expected[query]], (int)tied[(int)expected[query]]);
            List<(double Votes, int Tied)> others = [];
            for (int number = 0; number < classes; number++)
            {
                if (number != expected[query] && (mine[number] > 0 || tied[number] > 0))
                    others.Add((mine[number], (int)tied[number]));
            }

            hits[query] = Expected(new TiedSeats(own, others, (int)seats[query], weights[query], closeness[query]));
        }

        return hits;
    }

    /// <summary>Where features collapse, all queries of a class have one and the same election.</summary>
    private double Expected(TiedSeats election)
    {
        if (election.AllAreTaken)
            return election.ExpectedHit();
        string key = election.Key();
        if (!_drawn.TryGetValue(key, out double hit))
            _drawn[key] = hit = election.ExpectedHit();
        return hit;
    }
}
